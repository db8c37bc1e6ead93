"""The queue in memory: the real one's interface; what it does is in the contract suite of both."""

import asyncio
import inspect

import pytest

from kubejobs.control.ports import QueuePort
from kubejobs.errors import QueueUnavailableError
from kubejobs.testing import ManualClock, MemoryQueue
from kubejobs.testing.control import MemoryControlPort
from kubejobs.testing.leases import MemoryLeaseClient
from kubejobs.worker.ports import Leases
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.leasing import LeaseClient, QueueState
from kubejobs.workqueue.types import Counts

PAIRS = [(WorkQueue, MemoryQueue), (AsyncWorkQueue, MemoryControlPort), (LeaseClient, MemoryLeaseClient)]


@pytest.mark.parametrize(
    ("real", "in_memory", "name"),
    [
        pytest.param(real, in_memory, name, id=f"{in_memory.__name__}.{name}")
        for real, in_memory in PAIRS
        for name in dir(real)
        if callable(getattr(real, name)) and (not name.startswith("_") or name in {"__enter__", "__exit__"})
    ],
)
def test_it_has_the_real_one_s_interface(real: type, in_memory: type, name: str) -> None:
    """Every public method, with the same parameters and the same result."""
    expected, found = getattr(real, name), getattr(in_memory, name)
    assert inspect.signature(found) == inspect.signature(expected)
    assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(expected)


@pytest.mark.parametrize(
    ("port", "view"), [(QueuePort, MemoryQueue().control_port()), (Leases, MemoryQueue().lease_client("pod-1"))]
)
def test_its_views_are_what_control_and_workers_need(port: type, view: object) -> None:
    """Every method of the port, with its parameters."""
    names = [name for name in vars(port) if not name.startswith("_")]
    assert len(names) > 4
    for name in names:
        expected = list(inspect.signature(getattr(port, name)).parameters)[1:]
        assert list(inspect.signature(getattr(view, name)).parameters) == expected


def test_a_queue_can_be_away() -> None:
    """While it is told to be, every call fails as when the server does not answer, and nothing changes."""
    queue = MemoryQueue()
    queue.fill(["a"])
    worker, port = queue.lease_client("pod-1"), queue.control_port()
    queue.ledger.unavailable = True
    calls = [queue.ping, queue.snapshot, worker.turn, worker.renew, worker.close_queue, lambda: queue.append(["b"])]
    for call in [*calls, lambda: asyncio.run(port.snapshot()), lambda: asyncio.run(port.hold_queued())]:
        with pytest.raises(QueueUnavailableError):
            call()
    queue.ledger.unavailable = False
    assert queue.snapshot().counts == Counts(queued=1)
    assert worker.turn().items == ("a",)


def test_leases_expire_on_the_given_clock() -> None:
    """A minute by default; renewed ones later."""
    clock = ManualClock()
    queue = MemoryQueue(clock)
    queue.fill(["a", "b"])
    silent, alive = queue.lease_client("pod-1"), queue.lease_client("pod-2")
    silent.turn()
    alive.turn()
    clock.advance(59.9)
    assert asyncio.run(queue.control_port().recover_expired()) == 0
    assert alive.renew()
    clock.advance(0.1)
    assert asyncio.run(queue.control_port().recover_expired()) == 1
    assert queue.snapshot().counts == Counts(queued=1, leased=1)


def test_it_knows_when_time_will_change_something() -> None:
    """The next end of a lease or a delay, however often leases were renewed and settled before."""
    queue = MemoryQueue()
    queue.fill(map(str, range(500)))
    worker = queue.lease_client("pod-1", lease_seconds=30)
    assert queue.ledger.next_event_at() is None
    for _ in range(300):
        worker.turn()
        queue.clock.advance(1)
        worker.renew()
    assert queue.ledger.next_event_at() == queue.clock.now() + 30
    assert len(queue.ledger._expiries) < 200
    worker.turn(take=0)
    assert queue.ledger.next_event_at() is None


def test_old_clients_see_that_the_run_was_deleted_and_filled_anew() -> None:
    """As on a server the keys are others', the views the same."""
    queue = MemoryQueue()
    queue.fill(["a"])
    worker = queue.lease_client("pod-1")
    assert queue.delete_run() == 1
    queue.fill(["b"])
    assert worker.turn().items == ("b",)
    assert worker.turn().state is QueueState.DRAINED
