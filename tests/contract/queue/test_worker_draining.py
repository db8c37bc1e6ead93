"""Workers that are asked to lease no more: they turn not ready, wait, and go on or end."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, DrainStatus, QueueAddress
from support.processes import python, started, wait_until, worker_environment

LOOP = """
import sys, time
from pathlib import Path
from kubejobs.worker import connect

folder = Path(sys.argv[1])
with connect() as queue:
    for item in queue.items():
        (folder / item.value).touch()
        while not (folder / f"{item.value}.go").exists():
            time.sleep(0.01)
"""


def port_is_open(port: int) -> bool:
    """Whether the readiness probe would find the pod ready."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def drain(address: QueueAddress, wanted: int) -> DrainStatus:
    """Ask that so many workers lease no more."""

    async def ask() -> DrainStatus:
        async with AsyncWorkQueue(address) as queue:
            return await queue.request_drain(wanted, {"pod-1"})

    return asyncio.run(ask())


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def worker(address: QueueAddress, queue: WorkQueue, port: int, tmp_path: Path) -> Iterator[Popen[str]]:
    """A worker that was asked to drain while it works on the first of two items."""
    queue.fill(["a", "b"])
    environment = worker_environment(address, POD_NAME="pod-1", POD_IP="127.0.0.1", KUBEJOBS_READY_PORT=port)
    with started(*python("-c", LOOP, tmp_path), env=environment) as process:
        wait_until((tmp_path / "a").exists, "the item is started")
        wait_until(lambda: port_is_open(port), "the worker is ready")
        assert drain(address, 1) == DrainStatus(asked=1)
        assert port_is_open(port)
        yield process


def test_a_drained_worker_is_not_ready_and_holds_nothing(
    worker: Popen[str], queue: WorkQueue, address: QueueAddress, port: int, tmp_path: Path
) -> None:
    """It finishes its item first; then its SIGTERM interrupts nothing."""
    (tmp_path / "a.go").touch()
    wait_until(lambda: not port_is_open(port), "the worker is not ready")
    assert queue.snapshot().counts == Counts(queued=1, done=1)
    assert set(drain(address, 1).drained) == {"pod-1"}
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 143
    assert queue.snapshot().counts == Counts(queued=1, done=1)
    assert queue.snapshot().sessions == 0


def test_a_drained_worker_may_be_kept_after_all(
    worker: Popen[str], queue: WorkQueue, address: QueueAddress, port: int, tmp_path: Path
) -> None:
    """It gets items again and turns ready again."""
    (tmp_path / "a.go").touch()
    wait_until(lambda: not port_is_open(port), "the worker is not ready")
    assert drain(address, 0) == DrainStatus()
    wait_until((tmp_path / "b").exists, "the other item is started")
    wait_until(lambda: port_is_open(port), "the worker is ready again")
    (tmp_path / "b.go").touch()
    assert worker.wait(30) == 0
    assert queue.snapshot().counts == Counts(done=2)


def test_a_drained_worker_ends_with_its_run(
    worker: Popen[str], queue: WorkQueue, address: QueueAddress, port: int, tmp_path: Path
) -> None:
    """With 0, once others have done what there was."""
    (tmp_path / "a.go").touch()
    wait_until(lambda: not port_is_open(port), "the worker is not ready")
    (tmp_path / "b.go").touch()
    with started(*python("-c", LOOP, tmp_path), env=worker_environment(address, POD_NAME="pod-2")) as other:
        assert (other.wait(30), worker.wait(30)) == (0, 0)
    assert queue.snapshot().counts == Counts(done=2)


def test_an_idle_worker_is_ready_from_the_start(
    queue: WorkQueue, address: QueueAddress, port: int, tmp_path: Path
) -> None:
    """It need not have seen an item to be one that takes items."""
    queue.fill([], close=False)
    environment = worker_environment(address, POD_NAME="pod-1", POD_IP="127.0.0.1", KUBEJOBS_READY_PORT=port)
    with started(*python("-c", LOOP, tmp_path), env=environment) as process:
        wait_until(lambda: port_is_open(port), "the worker is ready")
        drain(address, 1)
        wait_until(lambda: not port_is_open(port), "the worker is not ready")
        queue.mark_closed()
        assert process.wait(30) == 0
