"""Items with a priority, on both kinds of queue: higher first, in order within one."""

import pytest

from kubejobs.errors import QueueError
from kubejobs.workqueue.leasing import Ending, Outcome, QueueState, RetryDelays
from kubejobs.workqueue.types import Counts, Signal
from support.queue_backends import Backend

MIXED = [(0, "a"), (9, "b"), "c", (3, "d"), (9, "e"), (3, "f")]


def drained_order(backend: Backend) -> list[str]:
    """The items in the order in which one worker gets them."""
    pod, order = backend.worker(), []
    while (turn := pod.turn(take=2)).state is QueueState.LEASED:
        order += turn.items
    return order


def test_higher_ones_are_taken_first(backend: Backend) -> None:
    """And those of one priority in the order in which they came."""
    assert backend.queue.fill(MIXED) == 6
    assert backend.queue.snapshot().counts == Counts(queued=6)
    assert drained_order(backend) == ["b", "e", "d", "f", "a", "c"]
    assert backend.queue.snapshot().counts == Counts(done=6)


def test_a_lease_has_one_priority(backend: Backend) -> None:
    """So that what comes back knows its place."""
    backend.queue.fill(MIXED)
    assert backend.worker().turn(take=5).items == ("b", "e")


def test_late_arrivals_may_be_urgent(backend: Backend) -> None:
    """An appended item of a higher priority overtakes what is queued."""
    backend.queue.fill(["a", "b"], close=False)
    assert backend.queue.append(["urgent", "too"], priority=5) == 4
    backend.queue.append(["later"], priority=2)
    backend.queue.mark_closed()
    assert drained_order(backend) == ["urgent", "too", "later", "a", "b"]


@pytest.mark.parametrize("way", ["return", "retry", "expire", "unstart"])
def test_what_comes_back_has_its_priority_still(backend: Backend, way: str) -> None:
    """Whichever way it comes back, it is the next of its level."""
    backend.queue.fill([(0, "low"), (4, "a"), (4, "b"), (4, "c"), (7, "high")])
    pod = backend.worker(delays=RetryDelays(10, 10))
    pod.turn()
    lease = pod.turn(take=2)
    assert lease.items == ("a", "b")
    if way == "return":
        pod.turn(take=0, others=Ending.RETURN)
    elif way == "retry":
        pod.turn([Outcome(1, Ending.RETRY), Outcome(2, Ending.RETRY)], take=0)
        backend.pass_time()
    elif way == "unstart":
        backend.unstart(lease.lease, 1)
    else:
        backend.pass_time()
    other = backend.worker("other")
    if way == "unstart":
        assert other.turn(take=3).items == ("b", "c")
    else:
        assert sorted(other.turn().items + other.turn().items) == ["a", "b"]
        assert other.turn().items == ("c",)
    assert other.turn().items == ("low",)


def test_workers_of_one_list_get_them_merged(backend: Backend) -> None:
    """Foreign workers know one list: prioritized items are at its head, and so are urgent late arrivals."""
    backend.queue.fill(MIXED, merge_priorities=True, close=False)
    assert backend.worker("look").turn(take=9).items == ("b", "e", "d", "f", "a", "c")
    backend.pass_time()
    backend.control(lambda queue: queue.recover_expired())
    backend.queue.append(["urgent 1", "urgent 2"], priority=1)
    backend.queue.append(["last"])
    backend.queue.mark_closed()
    assert drained_order(backend) == ["urgent 1", "urgent 2", "b", "e", "d", "f", "a", "c", "last"]


def test_a_stop_holds_every_priority(backend: Backend) -> None:
    """Queued and delayed items of all levels are held, and what comes back or arrives then as well."""
    backend.queue.fill(MIXED, close=False)
    pod, other = backend.worker("pod-1"), backend.worker("pod-2")
    pod.turn()
    pod.turn([Outcome(1, Ending.RETRY)], take=1)
    other.turn()
    backend.queue.signal_run(Signal.STOP)
    assert backend.control(lambda queue: queue.hold_queued()) == 4
    assert backend.queue.snapshot().counts == Counts(held=4, leased=2)
    pod.turn(take=1, others=Ending.RETURN)
    backend.queue.append(["late"], priority=8)
    assert other.turn([Outcome(1, Ending.RETRY)]).state is QueueState.STOPPED
    assert backend.queue.snapshot().counts == Counts(held=7)
    assert backend.queue.verify() == ()


@pytest.mark.parametrize("priority", [-1, 10, 1.5, True, "3"])
def test_a_priority_is_a_digit(backend: Backend, priority: object) -> None:
    """Anything else is refused, in a fill as in an append, and shown."""
    with pytest.raises(QueueError, match="whole number from 0 to 9"):
        backend.queue.fill([(priority, "a")])
    backend.queue.fill([], close=False)
    with pytest.raises(QueueError, match=str(priority)):
        backend.queue.append(["a"], priority=priority)


def test_a_worker_appends_and_closes(backend: Backend) -> None:
    """A worker's own client can do what the producer does."""
    backend.queue.fill(["a"], close=False)
    pod = backend.worker()
    assert pod.append(["b"], priority=1) == 2
    assert pod.turn().items == ("b",)
    pod.close_queue()
    with pytest.raises(QueueError, match="closed"):
        pod.append(["c"])
    assert pod.append([]) == 2
    assert backend.queue.snapshot().closed
