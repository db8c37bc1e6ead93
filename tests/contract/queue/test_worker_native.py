"""Native code that never lets the interpreter run: the lease is kept, and what waits behind it is given back."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import python, started, wait_until, worker_environment

LEASE_SECONDS = 1.5

BUSY = """
import sys, threading, time
from kubejobs.worker import connect

gaps = []

def watch():
    # The longest time for which no other thread could run.
    last = time.monotonic()
    while True:
        time.sleep(0.01)
        now = time.monotonic()
        gaps.append(now - last)
        last = now

def loop_in_c(seconds):
    # `sum` over a range is a loop in C: it computes all the time, and no other thread gets the lock until it is over.
    begun = time.monotonic()
    sum(range(1_000_000))
    sum(range(int(1_000_000 * seconds / (time.monotonic() - begun))))

with connect() as queue:
    for item in queue.items():
        if item.value == "native":
            threading.Thread(target=watch, daemon=True).start()
            loop_in_c(float(sys.argv[1]))
            time.sleep(0.05)
        item.result([item.attempt, max(gaps, default=0.0)])
"""

BLOCKED = """
import ctypes, os, sys
from pathlib import Path
from kubejobs.worker import connect

folder = Path(sys.argv[1])
with connect() as queue:
    for item in queue.items():
        (folder / f"{item.value}-{item.attempt}-{os.getpid()}").touch()
        if item.value == "native":
            # PyDLL keeps the interpreter's lock; a FIFO opens only once somebody opens its other end.
            ctypes.PyDLL(None).open(str(folder / "fifo").encode(), os.O_RDONLY)
"""


@contextmanager
def ready_worker(address: QueueAddress) -> Iterator[Popen[str]]:
    """A worker whose helper process is known to run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = worker_environment(
        address, KUBEJOBS_LEASE_SECONDS=LEASE_SECONDS, KUBEJOBS_READY_PORT=port, POD_IP="127.0.0.1"
    )
    with started(*python("-c", BUSY, 3 * LEASE_SECONDS), env=environment) as worker, socket.socket() as probe:
        wait_until(lambda: probe.connect_ex(("127.0.0.1", port)) == 0, "the worker is ready")
        yield worker


def test_a_busy_loop_in_c_keeps_its_lease(queue: WorkQueue, address: QueueAddress) -> None:
    """One delivery, no expiry, though no Python code ran in the worker for several lease times."""
    queue.fill([], close=False)
    with ready_worker(address) as one, ready_worker(address) as other:
        queue.append(["native"])
        queue.mark_closed()
        results = [one.communicate(timeout=60), other.communicate(timeout=60)]
        assert (one.returncode, other.returncode) == (0, 0), results
    snapshot = queue.snapshot()
    assert (snapshot.counts, snapshot.deliveries) == (Counts(done=1), 1)
    [(attempt, longest_gap)] = [record["result"] for record in queue.iter_results()]
    assert attempt == 1
    assert longest_gap > LEASE_SECONDS, "the loop let other threads run: this test shows nothing"


def test_what_waits_behind_native_code_is_given_back(queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """Others of its batch are done by another worker while it is still blocked; nothing runs twice."""
    queue.fill(["native", "b", "c"])
    os.mkfifo(tmp_path / "fifo")
    environment = worker_environment(address, KUBEJOBS_BATCH=3)
    with started(*python("-c", BLOCKED, tmp_path), env=environment) as blocked:
        wait_until(lambda: list(tmp_path.glob("native-1-*")), "the item is started")
        with started(*python("-c", BLOCKED, tmp_path), env=environment) as other:
            wait_until(lambda: queue.snapshot().counts == Counts(leased=1, done=2), "the others are done")
            with (tmp_path / "fifo").open("wb"):
                assert (blocked.wait(30), other.wait(30)) == (0, 0)
    assert queue.snapshot().counts == Counts(done=3)
    names = sorted(path.name.rsplit("-", 1)[0] for path in tmp_path.glob("*-*"))
    assert names == ["b-1", "c-1", "native-1"]
