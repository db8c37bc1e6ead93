"""Workers as processes: killed, interrupted, cut off from the server."""

import signal
from pathlib import Path

import pytest
import redis

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.types import Counts, QueueAddress, Signal
from support.processes import process_exists, python, started, wait_until, worker_environment
from support.valkey import running_valkey

LOOP = """
import os, sys, time
from pathlib import Path
from kubejobs.worker import connect

folder = Path(sys.argv[1])
with connect() as queue:
    for item in queue.items():
        (folder / f"{item.value}-{item.attempt}-{os.getpid()}").touch()
        if item.value == "hang" and item.attempt == 1:
            time.sleep(600)
        if item.value == "wait":
            while not (folder / "go").exists():
                time.sleep(0.01)
        if item.value == "bad" and item.attempt == 1:
            raise ValueError("a bad item")
print("after the loop")
"""


def starts(folder: Path, item: str) -> int:
    """How often an item was started."""
    return len(list(folder.glob(f"{item}-*")))


def test_an_item_whose_worker_is_killed_is_done_by_another(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """After kill -9 in mid-item the lease expires and the other worker does it: once in the ledger."""
    queue.fill(["hang", *map(str, range(20))])
    environment = worker_environment(address, KUBEJOBS_LEASE_SECONDS=0.6)
    with started(*python("-c", LOOP, tmp_path), env=environment) as victim:
        wait_until(lambda: starts(tmp_path, "hang"), "the item is started")
        with started(*python("-c", LOOP, tmp_path), env=environment) as other:
            wait_until(lambda: queue.snapshot().counts == Counts(leased=1, done=20), "the other does the rest")
            assert starts(tmp_path, "hang") == 1
            victim.kill()
            assert other.wait(30) == 0
    assert starts(tmp_path, "hang") == 2
    assert queue.snapshot().counts == Counts(done=21)


def test_a_sigterm_lets_the_item_finish(queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """The item is done, the rest of the batch is given back at once and uncounted, and the exit code is not 0."""
    queue.fill(["wait", "b", "c", "d"])
    environment = worker_environment(address, KUBEJOBS_BATCH=3)
    with started(*python("-c", LOOP, tmp_path), env=environment) as worker:
        wait_until(lambda: starts(tmp_path, "wait"), "the item is started")
        worker.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        output, _ = worker.communicate(timeout=30)
    assert worker.returncode == 143
    assert "after the loop" not in output
    assert queue.snapshot().counts == Counts(queued=3, done=1)
    with started(*python("-c", LOOP, tmp_path), env=environment) as next_worker:
        assert next_worker.wait(30) == 0
    assert queue.snapshot().counts == Counts(done=4)
    assert {name.name.rsplit("-", 1)[0] for name in tmp_path.glob("*-*")} == {"wait-1", "b-1", "c-1", "d-1"}


def test_a_sigterm_ends_an_idle_worker(queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """A worker that waits for items leaves too."""
    queue.fill(["a"], close=False)
    with started(*python("-c", LOOP, tmp_path), env=worker_environment(address)) as worker:
        wait_until(lambda: queue.snapshot().counts.done, "the item is done")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 143


def test_an_error_in_the_loop_s_body_belongs_to_its_item(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """The program ends with its traceback, the item is to be retried with the error kept, the others are given back."""
    queue.fill(["bad", "b"])
    environment = worker_environment(address, KUBEJOBS_BATCH=2, KUBEJOBS_MAX_ATTEMPTS=2, KUBEJOBS_RETRY_SECONDS=0)
    with started(*python("-c", LOOP, tmp_path), env=environment) as worker:
        _, errors = worker.communicate(timeout=30)
    assert worker.returncode == 1
    assert "ValueError: a bad item" in errors
    assert queue.snapshot().counts == Counts(queued=2)
    with started(*python("-c", LOOP, tmp_path), env=environment) as worker:
        assert worker.wait(30) == 0
    assert (starts(tmp_path, "bad-2"), starts(tmp_path, "b-1")) == (1, 1)


def test_a_stopped_run_ends_its_workers_well(queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """After the signal the item at hand is finished, and the exit code is 0."""
    queue.fill(["wait", "b"])
    with started(*python("-c", LOOP, tmp_path), env=worker_environment(address)) as worker:
        wait_until(lambda: starts(tmp_path, "wait"), "the item is started")
        queue.signal_run(Signal.STOP)
        (tmp_path / "go").touch()
        output, _ = worker.communicate(timeout=30)
    assert (worker.returncode, output) == (0, "after the loop\n")
    assert queue.snapshot().counts == Counts(queued=1, done=1)


def test_a_worker_waits_for_what_may_come_back(
    queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys, tmp_path: Path
) -> None:
    """It ends only when nothing is queued, leased or delayed, and the queue is closed."""
    queue.fill(["a"], close=False)
    raw.lpush(keys.processing, "with somebody else")
    raw.incr(keys.total)
    with started(*python("-c", LOOP, tmp_path), env=worker_environment(address)) as worker:
        wait_until(lambda: queue.snapshot().counts.done, "the item is done")
        queue.append(["b"])
        wait_until(lambda: queue.snapshot().counts.done == 2, "the late item is done")
        queue.mark_closed()
        assert worker.poll() is None
        raw.delete(keys.processing)
        assert worker.wait(30) == 0


def test_the_heartbeat_ends_with_its_worker(queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """After kill -9 no helper process is left that would keep the lease."""
    queue.fill(["hang"])
    with started(*python("-c", LOOP, tmp_path), env=worker_environment(address)) as worker:
        wait_until(lambda: starts(tmp_path, "hang"), "the item is started")
        children = [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]
        assert len(children) == 1
        worker.kill()
    wait_until(lambda: not process_exists(children[0]), "the helper process is gone")


@pytest.mark.parametrize("when", ["from the start", "in mid-run"])
def test_a_lost_queue_ends_the_worker_with_a_reason(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path, when: str
) -> None:
    """A queue without the run is waited for a while; then the exit code is not 0 and the message says why."""
    environment = worker_environment(address, KUBEJOBS_LOST_SECONDS=0.3)
    if when == "in mid-run":
        queue.fill(["wait", "b"])
    with started(*python("-c", LOOP, tmp_path), env=environment) as worker:
        if when == "in mid-run":
            wait_until(lambda: starts(tmp_path, "wait"), "the item is started")
            queue.delete_run()
            (tmp_path / "go").touch()
        _, errors = worker.communicate(timeout=30)
    assert worker.returncode == 1
    assert "does not hold this run" in errors


def test_a_run_survives_its_server(tmp_path: Path) -> None:
    """With every write on disk, a server killed in mid-run costs nothing: the worker reconnects and goes on."""
    with running_valkey("--appendonly", "yes", "--appendfsync", "always") as server:
        address = server.address("r:")
        with WorkQueue(address) as queue:
            queue.fill([*map(str, range(50)), "wait", *map(str, range(50, 100))])
            with started(*python("-c", LOOP, tmp_path), env=worker_environment(address)) as worker:
                wait_until(lambda: starts(tmp_path, "wait"), "half of the items are done")
                server.restart()
                (tmp_path / "go").touch()
                assert worker.wait(60) == 0
            assert queue.snapshot().counts == Counts(done=101)
    assert len(list(tmp_path.glob("*-*"))) == 101


def test_the_example_measures_its_own_source(queue: WorkQueue, address: QueueAddress) -> None:
    """The demo's worker, started as a folder, leaves a result for every file it can read."""
    folder = Path(__file__).resolve().parents[3] / "examples" / "source_metrics"
    files = sorted(map(str, folder.glob("*.py")))
    queue.fill([*files, str(folder / "missing.py")])
    with started(*python(folder), env=worker_environment(address)) as worker:
        assert worker.wait(30) == 0
    assert queue.snapshot().counts == Counts(done=len(files), failed=1)
    assert sorted(record["result"]["file"] for record in queue.iter_results()) == files
    assert [record["error"]["type"] for record in queue.iter_failures()] == ["FileNotFoundError"]
