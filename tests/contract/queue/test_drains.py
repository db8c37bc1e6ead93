"""Requests to lease no more, on both kinds of queue: whoever comes first to the end of its item obeys."""

from collections.abc import Collection

import pytest

from kubejobs.workqueue.leasing import Ending, Outcome, QueueState
from kubejobs.workqueue.types import Counts, DrainStatus, Signal
from support.queue_backends import Backend

PODS = ("pod-1", "pod-2", "pod-3")


def drain(backend: Backend, wanted: int, live: Collection[str] = PODS) -> DrainStatus:
    """One request of the control loop."""
    return backend.control(lambda queue: queue.request_drain(wanted, live))


def test_the_first_to_end_their_items_obey(backend: Backend) -> None:
    """Busy workers go on until they come by; each ends its item first, and no more obey than were asked for."""
    backend.queue.fill(map(str, range(9)))
    one, two, three = map(backend.worker, PODS)
    for pod in (one, two, three):
        pod.turn()
    assert drain(backend, 2) == DrainStatus(asked=2)
    assert two.turn().state is QueueState.DRAINING
    assert drain(backend, 2).asked == 1
    assert one.turn().state is QueueState.DRAINING
    assert three.turn().state is QueueState.LEASED
    status = drain(backend, 2)
    assert (status.asked, set(status.drained)) == (0, {"pod-1", "pod-2"})
    assert backend.queue.snapshot().counts == Counts(queued=5, leased=1, done=3)


def test_a_drained_worker_stays_drained(backend: Backend) -> None:
    """However often it asks, it takes no second request and gets no items."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker("pod-1")
    drain(backend, 2)
    assert {pod.turn().state for _ in range(5)} == {QueueState.DRAINING}
    assert drain(backend, 2).asked == 1


def test_all_sessions_of_a_worker_drain_together(backend: Backend) -> None:
    """One request is for a pod, not for one of its processes."""
    backend.queue.fill(map(str, range(9)))
    sessions = [backend.worker("pod-1") for _ in range(3)]
    other = backend.worker("pod-2")
    for session in sessions:
        session.turn()
    drain(backend, 1)
    assert sessions[0].turn().state is QueueState.DRAINING
    assert backend.control(lambda queue: queue.lease_holders()) == ("pod-1",)
    assert {session.turn().state for session in sessions} == {QueueState.DRAINING}
    assert other.turn().state is QueueState.LEASED
    assert backend.control(lambda queue: queue.lease_holders()) == ("pod-2",)


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_smaller_request_lets_idle_ones_go_on(backend: Backend, wanted: int) -> None:
    """Those go on that have been idle for the shortest time."""
    backend.queue.fill(map(str, range(9)))
    drain(backend, 3)
    pods = {}
    for name in PODS:
        pods[name] = backend.worker(name)
        pods[name].turn()
        wait_a_moment(backend)
    status = drain(backend, wanted)
    assert list(status.drained) == list(PODS[:wanted])
    states = [pods[name].turn().state for name in PODS]
    assert states == [QueueState.DRAINING] * wanted + [QueueState.LEASED] * (3 - wanted)


def wait_a_moment(backend: Backend) -> None:
    """Let the queue's clock, in milliseconds, go on."""
    before = backend.queue.snapshot().time
    while backend.queue.snapshot().time <= before:
        if hasattr(backend.queue, "clock"):
            backend.queue.clock.advance(0.001)


def test_a_cancelled_request_that_nobody_took_is_gone(backend: Backend) -> None:
    """Workers that come later lease as ever."""
    backend.queue.fill(["a"])
    drain(backend, 2)
    assert drain(backend, 0) == DrainStatus()
    assert backend.worker("pod-1").turn().items == ("a",)


def test_pods_that_are_gone_count_no_more(backend: Backend) -> None:
    """Their part of the request is open again for as long as it is wanted."""
    backend.queue.fill(map(str, range(9)))
    drain(backend, 1)
    backend.worker("pod-1").turn()
    assert set(drain(backend, 1, ("pod-1", "pod-2")).drained) == {"pod-1"}
    assert drain(backend, 1, ("pod-2",)) == DrainStatus(asked=1)
    assert backend.worker("pod-2").turn().state is QueueState.DRAINING


def test_a_drained_worker_whose_pod_is_gone_gets_nothing(backend: Backend) -> None:
    """Its process may live a little longer than its pod is known; what it began then would be interrupted."""
    backend.queue.fill(map(str, range(9)))
    drain(backend, 1)
    removed, other = backend.worker("pod-1"), backend.worker("pod-2")
    assert removed.turn().state is QueueState.DRAINING
    backend.control(lambda queue: queue.request_drain(0, (), ("pod-2",)))
    for _ in range(2):
        assert removed.turn().state is QueueState.DRAINING
        assert drain(backend, 0, ()) == DrainStatus()
    assert other.turn().state is QueueState.LEASED


def test_a_pod_that_was_overlooked_is_one_again(backend: Backend) -> None:
    """A drained worker that was taken for gone counts, or goes on, as soon as it is named."""
    backend.queue.fill(map(str, range(9)))
    drain(backend, 1)
    pod = backend.worker("pod-1")
    pod.turn()
    backend.control(lambda queue: queue.request_drain(1, ["pod-2"], []))
    assert set(drain(backend, 1).drained) == {"pod-1"}
    backend.control(lambda queue: queue.request_drain(0, [], ["pod-1"]))
    assert pod.turn().state is QueueState.LEASED


def test_a_worker_that_ends_takes_no_request(backend: Backend) -> None:
    """A turn that wants no items settles only; the request is left for one that would go on."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker("pod-1")
    pod.turn()
    drain(backend, 1)
    assert pod.turn(take=0).state is QueueState.WAITING
    assert drain(backend, 1) == DrainStatus(asked=1)


def test_a_run_s_end_is_told_to_drained_workers(backend: Backend) -> None:
    """DRAINED wins over DRAINING, so that they end with 0 when there is nothing left."""
    backend.queue.fill(["a"])
    one, two = backend.worker("pod-1"), backend.worker("pod-2")
    one.turn()
    drain(backend, 1)
    assert two.turn().state is QueueState.DRAINING
    assert one.turn().state is QueueState.DRAINED
    assert two.turn().state is QueueState.DRAINED


def test_a_stop_wins_over_a_drain(backend: Backend) -> None:
    """A drained worker of a stopped run is told to end."""
    backend.queue.fill(["a"])
    drain(backend, 1)
    pod = backend.worker("pod-1")
    assert pod.turn().state is QueueState.DRAINING
    backend.queue.signal_run(Signal.STOP)
    assert pod.turn().state is QueueState.STOPPED


def test_a_lost_reply_takes_one_request(backend: Backend) -> None:
    """The turn that was made twice drains one worker once."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker("pod-1")
    drain(backend, 2)
    assert backend.lose_reply(pod).state is QueueState.DRAINING
    assert pod.turn().state is QueueState.DRAINING
    assert drain(backend, 2).asked == 1


def test_draining_workers_still_serve_the_others(backend: Backend) -> None:
    """Their turns put back what is due, so that nothing waits for the control loop."""
    backend.queue.fill(["a", "b"])
    dying, drained, other = map(backend.worker, PODS)
    dying.turn()
    drained.turn()
    drained.turn([Outcome(1, Ending.RETRY)], take=0)
    drain(backend, 1)
    backend.pass_time()
    assert drained.turn().state is QueueState.DRAINING
    assert backend.queue.snapshot().counts == Counts(queued=2)
    assert sorted(other.turn().items + other.turn().items) == ["a", "b"]
