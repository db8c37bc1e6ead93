"""Leases: workers' turns, on both kinds of queue, with time moved by hand."""

import json

import pytest

from kubejobs.errors import QueueLostError
from kubejobs.workqueue.leasing import MAX_BATCH, Ending, Outcome, QueueState, RetryDelays, Settled
from kubejobs.workqueue.types import Counts, Signal
from support.queue_backends import Backend

ERROR = '{"type":"E","message":"m","traceback":"t"}'


def test_a_turn_acknowledges_and_takes_the_next(backend: Backend) -> None:
    """One call ends the old lease as done and grants the next, in order, until the queue is drained."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker()
    first, second, end = pod.turn(), pod.turn(), pod.turn()
    assert (first.items, first.settled, first.attempt) == (("a",), Settled.NONE, 1)
    assert (second.items, second.settled) == (("b",), Settled.SETTLED)
    assert (end.items, end.settled, end.state, end.lease) == ((), Settled.SETTLED, QueueState.DRAINED, "")
    snapshot = backend.queue.snapshot()
    assert snapshot.counts == Counts(done=2)
    assert snapshot.deliveries == 2
    assert snapshot.first_leased_at is not None
    assert snapshot.last_acknowledged_at is not None


def test_a_leased_item_is_counted_and_waited_for(backend: Backend) -> None:
    """Another worker finds nothing but may not end, as the item may come back."""
    backend.queue.fill(["a"])
    backend.worker("pod-1").turn()
    assert backend.worker("pod-2").turn().state is QueueState.WAITING
    assert backend.queue.snapshot().counts == Counts(leased=1)


def test_an_open_queue_is_never_drained(backend: Backend) -> None:
    """Until it is said that no more will come, workers wait."""
    backend.queue.fill([], close=False)
    pod = backend.worker()
    assert pod.turn().state is QueueState.WAITING
    backend.queue.mark_closed()
    assert pod.turn().state is QueueState.DRAINED


def test_each_item_of_a_batch_has_its_own_end(backend: Backend) -> None:
    """Done, with a result, failed for good, to be retried, given back: all in one acknowledgement."""
    backend.queue.fill(["done", "result", "fail", "retry", "return", "left"])
    pod = backend.worker()
    pod.turn(take=5)
    turn = pod.turn(
        [
            Outcome(2, Ending.RESULT, '["result",42]'),
            Outcome(3, Ending.FAIL, ERROR),
            Outcome(4, Ending.RETRY, ERROR),
            Outcome(5, Ending.RETURN),
        ],
        take=1,
        worked_seconds=2.5,
    )
    assert turn.items == ("return",)
    assert backend.queue.snapshot().counts == Counts(queued=1, leased=1, delayed=1, done=2, failed=1)
    assert backend.queue.snapshot().busy_seconds == 2.5
    assert list(backend.queue.iter_results()) == [{"item": "result", "result": 42}]
    [failure] = backend.queue.iter_failures()
    assert failure["error"] == json.loads(ERROR)
    assert (failure["item"], failure["kind"], failure["reason"]) == ("fail", "failed", "FailedByWorker")
    assert (failure["attempts"], failure["worker"]) == (1, "pod-1")


def test_a_lease_can_be_given_back_whole(backend: Backend) -> None:
    """The items are at the head of the queue again, in order, and no attempt is counted."""
    backend.queue.fill(["a", "b", "c"])
    pod = backend.worker()
    pod.turn(take=2)
    assert pod.turn(take=0, others=Ending.RETURN).lease == ""
    again = pod.turn(take=3)
    assert (again.items, again.attempt) == (("a", "b", "c"), 1)


def test_an_expired_lease_goes_to_the_next_worker(backend: Backend) -> None:
    """Any worker's turn takes it over whole; what its owner says later changes nothing and is reported."""
    backend.queue.fill(["a", "b"])
    zombie, heir = backend.worker("zombie"), backend.worker("heir")
    zombie.turn(take=2)
    backend.pass_time()
    taken = heir.turn()
    assert (taken.items, taken.attempt) == (("a",), 2)
    late = zombie.turn([Outcome(1, Ending.FAIL, ERROR)], take=0)
    assert late.settled is Settled.EXPIRED
    assert backend.queue.snapshot().counts == Counts(queued=1, leased=1)
    assert heir.turn().items == ("b",)
    assert heir.turn().state is QueueState.DRAINED
    assert backend.queue.snapshot().counts == Counts(done=2)


def test_an_item_that_kills_its_workers_is_given_up(backend: Backend) -> None:
    """Its deliveries count although nobody reports them, and after max_attempts it is dead."""
    backend.queue.fill(["poison", "good"])
    for name in ("pod-1", "pod-2"):
        assert backend.worker(name, max_attempts=2).turn().items == ("poison",)
        backend.pass_time()
    survivor = backend.worker("pod-3", max_attempts=2)
    assert survivor.turn().items == ("good",)
    assert survivor.turn().state is QueueState.DRAINED
    [failure] = backend.queue.iter_failures()
    assert (failure["item"], failure["reason"], failure["worker"]) == ("poison", "LeaseExpired", "pod-2")
    assert backend.queue.snapshot().counts == Counts(done=1, dead=1)


def test_suspects_are_leased_alone(backend: Backend) -> None:
    """After a batch's worker died its items travel one by one, so that the guilty takes no innocents with it."""
    backend.queue.fill(["a", "poison", "c", "d"])
    backend.worker("dying").turn(take=3)
    backend.pass_time()
    pod = backend.worker("pod-2")
    assert [pod.turn(take=10).items for _ in range(4)] == [("a",), ("poison",), ("c",), ("d",)]


def test_a_new_item_is_not_leased_with_a_suspect(backend: Backend) -> None:
    """A batch ends before an item that failed earlier."""
    backend.queue.fill(["bad", "x"], close=False)
    pod = backend.worker(delays=RetryDelays(first_seconds=0))
    pod.turn()
    pod.turn([Outcome(1, Ending.RETRY, ERROR)], take=0)
    assert pod.turn(take=5).items == ("bad",)
    assert pod.turn(take=5).items == ("x",)


def test_renewing_keeps_a_lease(backend: Backend) -> None:
    """A renewed lease is not taken over; one that was is reported."""
    backend.queue.fill(["a"])
    pod, other = backend.worker("pod-1"), backend.worker("pod-2")
    pod.turn()
    backend.pass_time()
    assert pod.renew()
    assert other.turn().state is QueueState.WAITING
    backend.pass_time()
    assert other.turn().items == ("a",)
    assert not pod.renew()


def test_equal_items_are_each_counted(backend: Backend) -> None:
    """Copies of one line are done, delayed and failed one by one."""
    backend.queue.fill(["x"] * 5)
    pod = backend.worker()
    pod.turn(take=4)
    pod.turn([Outcome(1, Ending.RETRY, ERROR), Outcome(2, Ending.RETRY, ERROR), Outcome(3, Ending.FAIL, ERROR)], take=0)
    assert backend.queue.snapshot().counts == Counts(queued=1, delayed=2, failed=1, done=1)
    backend.pass_time()
    while pod.turn().state is QueueState.LEASED:
        pass
    assert backend.queue.snapshot().counts == Counts(failed=1, done=4)


@pytest.mark.parametrize("signal", list(Signal))
def test_a_stopped_run_gives_out_nothing(backend: Backend, signal: Signal) -> None:
    """The item at hand is acknowledged, no more is leased, and what comes back is held."""
    backend.queue.fill(["a", "b", "c"])
    pod, other = backend.worker("pod-1"), backend.worker("pod-2")
    pod.turn()
    other.turn()
    backend.queue.signal_run(signal)
    assert pod.turn().state is QueueState.STOPPED
    other.turn([Outcome(1, Ending.RETRY, ERROR)])
    assert backend.queue.snapshot().counts == Counts(queued=1, done=1, held=1)


def test_a_lost_run_is_reported(backend: Backend) -> None:
    """A worker whose queue was deleted is told so, and not that there is nothing to do."""
    backend.queue.fill(["a"])
    pod = backend.worker()
    pod.turn()
    backend.queue.delete_run()
    with pytest.raises(QueueLostError):
        pod.turn()


def test_retries_wait_longer_each_time(backend: Backend) -> None:
    """The delay doubles from the first to the longest, less at most half for jitter; then the item is dead."""
    backend.queue.fill(["a"])
    pod = backend.worker(max_attempts=4, delays=RetryDelays(first_seconds=10, longest_seconds=25))
    for attempt, longest in [(1, 10.0), (2, 20.0), (3, 25.0)]:
        assert pod.turn().attempt == attempt
        pod.turn([Outcome(1, Ending.RETRY, ERROR)], take=0)
        [delay] = backend.delays()
        assert longest / 2 - 1 < delay <= longest
        assert pod.turn().state is QueueState.WAITING
        backend.pass_time()
    pod.turn()
    assert pod.turn([Outcome(1, Ending.RETRY, ERROR)]).state is QueueState.DRAINED
    assert backend.queue.snapshot().counts == Counts(dead=1)
    [failure] = backend.queue.iter_failures()
    assert (failure["kind"], failure["reason"], failure["attempts"]) == ("dead", "AttemptsUsedUp", 4)
    assert failure["error"]["type"] == "E"


def test_many_attempts_wait_no_longer_than_the_longest_delay(backend: Backend) -> None:
    """The doubling never overflows."""
    backend.queue.fill(["a"])
    pod = backend.worker(max_attempts=3000, delays=RetryDelays(first_seconds=2, longest_seconds=8))
    for _ in range(1100):
        pod.turn()
        pod.turn([Outcome(1, Ending.RETRY)], take=0)
        backend.pass_time()
    pod.turn()
    pod.turn([Outcome(1, Ending.RETRY)], take=0)
    assert [delay <= 8 for delay in backend.delays()] == [True]
    [record] = backend.queue.iter_retrying()
    assert record == {"item": "a", "attempts": 1101, "error": None}


def test_delays_differ(backend: Backend) -> None:
    """Items that fail together do not come back together."""
    backend.queue.fill(map(str, range(50)))
    pod = backend.worker(delays=RetryDelays(100, 100))
    pod.turn(take=50)
    pod.turn([Outcome(place, Ending.RETRY) for place in range(1, 51)], take=0)
    delays = backend.delays()
    assert len({round(delay, 1) for delay in delays}) > 25
    assert all(49 < delay <= 100 for delay in delays)


def test_a_turn_sent_twice_counts_once(backend: Backend) -> None:
    """When a reply was lost, the same turn brings the same lease and acknowledges nothing twice."""
    backend.queue.fill(["a", "b", "c"])
    pod = backend.worker()
    pod.turn()
    lost = backend.lose_reply(pod, worked_seconds=2.0)
    again = pod.turn(worked_seconds=2.0)
    assert (again.items, again.lease, again.settled, again.attempt) == (("b",), lost.lease, lost.settled, 1)
    snapshot = backend.queue.snapshot()
    assert snapshot.counts == Counts(queued=1, leased=1, done=1)
    assert (snapshot.busy_seconds, snapshot.deliveries) == (2.0, 2)


def test_a_lost_reply_s_lease_may_have_been_taken_over(backend: Backend) -> None:
    """Then the repeated turn brings nothing, not the name of a lease that there is no more."""
    backend.queue.fill(["a"])
    pod = backend.worker("pod-1")
    assert backend.lose_reply(pod).items == ("a",)
    backend.pass_time()
    assert backend.worker("pod-2").turn().items == ("a",)
    again = pod.turn()
    assert (again.lease, again.items, again.state) == ("", (), QueueState.WAITING)
    assert pod.turn().settled is Settled.NONE


@pytest.mark.parametrize("state", [QueueState.WAITING, QueueState.DRAINING, QueueState.DRAINED, QueueState.STOPPED])
def test_a_lost_reply_without_a_lease_is_given_again(backend: Backend, state: QueueState) -> None:
    """The same turn finds the same state."""
    backend.queue.fill([], close=state is QueueState.DRAINED)
    if state is QueueState.DRAINING:
        backend.control(lambda queue: queue.request_drain(1, ["pod-1"]))
    if state is QueueState.STOPPED:
        backend.queue.signal_run(Signal.STOP)
    pod = backend.worker("pod-1")
    assert backend.lose_reply(pod).state is state
    assert pod.turn().state is state


def test_a_repeated_turn_knows_the_attempt(backend: Backend) -> None:
    """A suspect is one in the second reply, too."""
    backend.queue.fill(["a"])
    pod = backend.worker(delays=RetryDelays(0, 0))
    pod.turn()
    backend.lose_reply(pod, outcomes=[Outcome(1, Ending.RETRY, ERROR)])
    assert pod.turn([Outcome(1, Ending.RETRY, ERROR)]).attempt == 2


@pytest.mark.parametrize(("keep", "left"), [(2, ("a", "b")), (0, ("a",)), (9, ("a", "b", "c", "d"))])
def test_items_that_wait_behind_a_long_one_can_be_given_back(
    backend: Backend, keep: int, left: tuple[str, ...]
) -> None:
    """They are next in the queue, in order and uncounted; the first always stays."""
    backend.queue.fill(["a", "b", "c", "d", "e"])
    lease = backend.worker("slow").turn(take=4).lease
    assert backend.unstart(lease, keep) == 4 - len(left)
    assert backend.queue.snapshot().counts == Counts(leased=len(left), queued=5 - len(left))
    other = backend.worker("other").turn(take=5)
    assert (other.items, other.attempt) == (tuple("abcde"[len(left) :]), 1)


def test_what_was_given_back_is_not_acknowledged(backend: Backend) -> None:
    """Outcomes of items that the lease no longer has change nothing."""
    backend.queue.fill(["a", "b", "c"])
    pod = backend.worker()
    lease = pod.turn(take=3).lease
    backend.unstart(lease, 1)
    pod.turn([Outcome(2, Ending.RESULT, '["b",1]'), Outcome(3, Ending.FAIL, ERROR)], take=0)
    assert backend.queue.snapshot().counts == Counts(queued=2, done=1)
    assert list(backend.queue.iter_results()) == []


def test_nothing_is_given_back_of_a_lease_that_was_taken_over(backend: Backend) -> None:
    """The items are with somebody else."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker("pod-1")
    lease = pod.turn(take=2).lease
    backend.pass_time()
    backend.worker("pod-2").turn()
    assert backend.unstart(lease, 1) == 0


@pytest.mark.parametrize(
    ("queued", "sessions", "share"),
    [
        pytest.param(100, 1, 10, id="plenty: as many as wanted"),
        pytest.param(12, 2, 3, id="half of an equal share"),
        pytest.param(13, 2, 4, id="rounded up"),
        pytest.param(1, 5, 1, id="never nothing"),
    ],
)
def test_a_fair_share_leaves_something_for_others(backend: Backend, queued: int, sessions: int, share: int) -> None:
    """Near the end nobody holds what others could do."""
    backend.queue.fill([], close=False)
    pods = [backend.worker(f"pod-{number}") for number in range(sessions)]
    for pod in pods:
        pod.turn()
    backend.queue.append(map(str, range(queued)))
    assert len(pods[0].turn(take=10, share=True).items) == share


def test_a_session_that_has_left_gets_no_share(backend: Backend) -> None:
    """Sessions are counted from their first turn until they leave."""
    backend.queue.fill([], close=False)
    pods = [backend.worker(f"pod-{number}") for number in range(4)]
    for pod in pods:
        pod.turn()
    assert backend.queue.snapshot().sessions == 4
    for pod in pods[1:]:
        pod.leave()
    assert backend.queue.snapshot().sessions == 1
    backend.queue.append(map(str, range(12)))
    assert len(pods[0].turn(take=10, share=True).items) == 6


def test_durations_are_counted(backend: Backend) -> None:
    """What workers say of their items' times adds up, once each."""
    backend.queue.fill(["a", "b", "c"])
    pod = backend.worker()
    pod.turn(take=2)
    backend.lose_reply(pod, durations={-30: 1, 12: 1})
    pod.turn(durations={-30: 1, 12: 1})
    pod.turn(durations={12: 1})
    durations = backend.queue.snapshot().durations
    assert dict(durations.counts) == {-30: 1, 12: 2}


def test_an_outcome_without_text_is_a_record_without_error(backend: Backend) -> None:
    """A worker need not say why."""
    backend.queue.fill(["a", "b", "c"])
    pod = backend.worker()
    pod.turn(take=3)
    pod.turn([Outcome(1, Ending.FAIL), Outcome(2, Ending.RETRY), Outcome(3, Ending.RESULT)])
    assert [record["error"] for record in backend.queue.iter_failures()] == [None]
    assert [record["error"] for record in backend.queue.iter_retrying()] == [None]
    assert list(backend.queue.iter_results()) == []
    assert backend.queue.snapshot().counts == Counts(failed=1, delayed=1, done=1)


def test_more_than_the_greatest_batch_is_not_given(backend: Backend) -> None:
    """A lease has 1000 items at most."""
    backend.queue.fill(map(str, range(1500)))
    assert len(backend.worker().turn(take=20_000).items) == MAX_BATCH
