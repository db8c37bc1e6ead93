"""Leases: one worker's turns on a real server, with time moved by hand."""

import json
from collections.abc import Callable, Iterator

import pytest
import redis

from kubejobs.errors import QueueLostError
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, QueueState, RetryDelays, Settled
from kubejobs.workqueue.types import Counts, QueueAddress, Signal
from support.queue_fixtures import expire_leases

ERROR = '{"type":"E","message":"m","traceback":"t"}'
MakeWorker = Callable[..., LeaseClient]


@pytest.fixture
def worker(address: QueueAddress) -> Iterator[MakeWorker]:
    """Makes workers of the run."""
    made: list[LeaseClient] = []

    def make(name: str = "pod-1", **options: object) -> LeaseClient:
        made.append(LeaseClient(address, name, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_a_turn_acknowledges_and_takes_the_next(queue: WorkQueue, worker: MakeWorker) -> None:
    """One call ends the old lease as done and grants the next, in order, until the queue is drained."""
    queue.fill(["a", "b"])
    pod = worker()
    first, second, end = pod.turn(), pod.turn(), pod.turn()
    assert (first.items, first.settled, first.attempt) == (("a",), Settled.NONE, 1)
    assert (second.items, second.settled) == (("b",), Settled.SETTLED)
    assert (end.items, end.settled, end.state, end.lease) == ((), Settled.SETTLED, QueueState.DRAINED, "")
    snapshot = queue.snapshot()
    assert snapshot.counts == Counts(done=2)
    assert snapshot.deliveries == 2
    assert snapshot.first_leased_at is not None
    assert snapshot.last_acknowledged_at is not None


def test_a_leased_item_is_counted_and_waited_for(queue: WorkQueue, worker: MakeWorker) -> None:
    """Another worker finds nothing but may not end, as the item may come back."""
    queue.fill(["a"])
    worker("pod-1").turn()
    assert worker("pod-2").turn().state is QueueState.WAITING
    assert queue.snapshot().counts == Counts(leased=1)


def test_an_open_queue_is_never_drained(queue: WorkQueue, worker: MakeWorker) -> None:
    """Until it is said that no more will come, workers wait."""
    queue.fill([], close=False)
    pod = worker()
    assert pod.turn().state is QueueState.WAITING
    queue.mark_closed()
    assert pod.turn().state is QueueState.DRAINED


def test_each_item_of_a_batch_has_its_own_end(queue: WorkQueue, worker: MakeWorker) -> None:
    """Done, with a result, failed for good, to be retried, given back: all in one acknowledgement."""
    queue.fill(["done", "result", "fail", "retry", "return", "left"])
    pod = worker()
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
    assert queue.snapshot().counts == Counts(queued=1, leased=1, delayed=1, done=2, failed=1)
    assert queue.snapshot().busy_seconds == 2.5
    assert list(queue.iter_results()) == [{"item": "result", "result": 42}]
    [failure] = queue.iter_failures()
    assert failure["error"] == json.loads(ERROR)
    assert (failure["item"], failure["kind"], failure["reason"]) == ("fail", "failed", "FailedByWorker")
    assert (failure["attempts"], failure["worker"]) == (1, "pod-1")


def test_a_lease_can_be_given_back_whole(queue: WorkQueue, worker: MakeWorker) -> None:
    """The items are at the head of the queue again, in order, and no attempt is counted."""
    queue.fill(["a", "b", "c"])
    pod = worker()
    pod.turn(take=2)
    assert pod.turn(take=0, others=Ending.RETURN).lease == ""
    again = pod.turn(take=3)
    assert (again.items, again.attempt) == (("a", "b", "c"), 1)


def test_retries_wait_longer_each_time(queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys) -> None:
    """The delay doubles from the first to the longest, less at most half for jitter; then the item is dead."""
    queue.fill(["a"])
    pod = worker(max_attempts=4, delays=RetryDelays(first_seconds=10, longest_seconds=25))
    for attempt, longest in [(1, 10.0), (2, 20.0), (3, 25.0)]:
        assert pod.turn().attempt == attempt
        pod.turn([Outcome(1, Ending.RETRY, ERROR)], take=0)
        [(_, until_ms)] = raw.zrange(f"{keys.queued}:delayed", 0, -1, withscores=True)
        seconds, microseconds = raw.time()
        delay = until_ms / 1000 - seconds - microseconds / 1e6
        assert longest / 2 - 1 < delay <= longest
        assert pod.turn().state is QueueState.WAITING
        expire_leases(raw, keys)
    pod.turn()
    assert pod.turn([Outcome(1, Ending.RETRY, ERROR)]).state is QueueState.DRAINED
    assert queue.snapshot().counts == Counts(dead=1)
    [failure] = queue.iter_failures()
    assert (failure["kind"], failure["reason"], failure["attempts"]) == ("dead", "AttemptsUsedUp", 4)
    assert failure["error"]["type"] == "E"


def test_an_expired_lease_goes_to_the_next_worker(
    queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Any worker's turn takes it over whole; what its owner says later changes nothing and is reported."""
    queue.fill(["a", "b"])
    zombie, heir = worker("zombie"), worker("heir")
    zombie.turn(take=2)
    expire_leases(raw, keys)
    taken = heir.turn()
    assert (taken.items, taken.attempt) == (("a",), 2)
    late = zombie.turn([Outcome(1, Ending.FAIL, ERROR)], take=0)
    assert late.settled is Settled.EXPIRED
    assert queue.snapshot().counts == Counts(queued=1, leased=1)
    assert heir.turn().items == ("b",)
    assert heir.turn().state is QueueState.DRAINED
    assert queue.snapshot().counts == Counts(done=2)


def test_an_item_that_kills_its_workers_is_given_up(
    queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Its deliveries count although nobody reports them, and after max_attempts it is dead."""
    queue.fill(["poison", "good"])
    for name in ("pod-1", "pod-2"):
        assert worker(name, max_attempts=2).turn().items == ("poison",)
        expire_leases(raw, keys)
    survivor = worker("pod-3", max_attempts=2)
    assert survivor.turn().items == ("good",)
    assert survivor.turn().state is QueueState.DRAINED
    [failure] = queue.iter_failures()
    assert (failure["item"], failure["reason"], failure["worker"]) == ("poison", "LeaseExpired", "pod-2")
    assert queue.snapshot().counts == Counts(done=1, dead=1)


def test_suspects_are_leased_alone(queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys) -> None:
    """After a batch's worker died its items travel one by one, so that the guilty takes no innocents with it."""
    queue.fill(["a", "poison", "c", "d"])
    worker("dying").turn(take=3)
    expire_leases(raw, keys)
    pod = worker("pod-2")
    assert [pod.turn(take=10).items for _ in range(4)] == [("a",), ("poison",), ("c",), ("d",)]


def test_a_new_item_is_not_leased_with_a_suspect(queue: WorkQueue, worker: MakeWorker) -> None:
    """A batch ends before an item that failed earlier."""
    queue.fill(["bad", "x"], close=False)
    pod = worker(delays=RetryDelays(first_seconds=0))
    pod.turn()
    pod.turn([Outcome(1, Ending.RETRY, ERROR)], take=0)
    assert pod.turn(take=5).items == ("bad",)
    assert pod.turn(take=5).items == ("x",)


def test_a_turn_sent_twice_counts_once(queue: WorkQueue, worker: MakeWorker, address: QueueAddress) -> None:
    """When a reply was lost, the same turn brings the same lease and acknowledges nothing twice."""
    queue.fill(["a", "b", "c"])
    pod = worker()
    first = pod.turn()
    second = pod.turn()
    pod._number, pod.lease = 1, first.lease
    again = pod.turn()
    assert (again.items, again.lease, again.settled) == (second.items, second.lease, second.settled)
    assert queue.snapshot().counts == Counts(queued=1, leased=1, done=1)


def test_renewing_keeps_a_lease(queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys) -> None:
    """A renewed lease is not taken over; one that was is reported."""
    queue.fill(["a"])
    pod, other = worker("pod-1"), worker("pod-2")
    pod.turn()
    expire_leases(raw, keys)
    assert pod.renew()
    assert other.turn().state is QueueState.WAITING
    expire_leases(raw, keys)
    assert other.turn().items == ("a",)
    assert not pod.renew()


def test_equal_items_are_each_counted(queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys) -> None:
    """Copies of one line are done, delayed and failed one by one."""
    queue.fill(["x"] * 5)
    pod = worker()
    pod.turn(take=4)
    pod.turn([Outcome(1, Ending.RETRY, ERROR), Outcome(2, Ending.RETRY, ERROR), Outcome(3, Ending.FAIL, ERROR)], take=0)
    assert queue.snapshot().counts == Counts(queued=1, delayed=2, failed=1, done=1)
    expire_leases(raw, keys)
    while pod.turn().state is QueueState.LEASED:
        pass
    assert queue.snapshot().counts == Counts(failed=1, done=4)


@pytest.mark.parametrize("signal", list(Signal))
def test_a_stopped_run_gives_out_nothing(queue: WorkQueue, worker: MakeWorker, signal: Signal) -> None:
    """The item at hand is acknowledged, no more is leased, and what comes back is held."""
    queue.fill(["a", "b", "c"])
    pod, other = worker("pod-1"), worker("pod-2")
    pod.turn()
    other.turn()
    queue.signal_run(signal)
    assert pod.turn().state is QueueState.STOPPED
    other.turn([Outcome(1, Ending.RETRY, ERROR)])
    assert queue.snapshot().counts == Counts(queued=1, done=1, held=1)


def test_done_items_leave_no_trace_but_the_count(
    queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Memory stays flat: what had to be remembered of retried items is forgotten when they are done."""
    queue.fill([f"item {number}" for number in range(20)])
    pod = worker(delays=RetryDelays(first_seconds=0))
    pod.turn(take=10)
    pod.turn([Outcome(place, Ending.RETRY, ERROR) for place in range(1, 6)], take=0)
    assert raw.hlen(keys.tries) == 5
    while pod.turn(take=10).state is QueueState.LEASED:
        pass
    left = {name.removeprefix(f"{keys.queued}:") for name in raw.scan_iter(keys.pattern)}
    assert left == {"total", "filled", "closed", "counts", "sessions"}


def test_a_lost_run_is_reported(queue: WorkQueue, worker: MakeWorker) -> None:
    """A worker whose queue was deleted is told so, and not that there is nothing to do."""
    queue.fill(["a"])
    pod = worker()
    pod.turn()
    queue.delete_run()
    with pytest.raises(QueueLostError):
        pod.turn()


def test_scripts_are_sent_again_to_a_server_that_forgot_them(
    queue: WorkQueue, worker: MakeWorker, raw: redis.Redis
) -> None:
    """After a restart or a failover the script cache is empty."""
    queue.fill(["a", "b"])
    pod = worker()
    pod.turn()
    raw.script_flush()
    assert pod.turn().items == ("b",)
