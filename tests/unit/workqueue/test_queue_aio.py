"""The control loop's view of the queue, on a real server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis

from kubejobs.control.ports import QueuePort
from kubejobs.errors import LeadershipLostError, QueueLostError
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome
from kubejobs.workqueue.types import Counts, QueueAddress, Signal
from support.queue_fixtures import expire_leases

Act = Callable[[Callable[[AsyncWorkQueue], Awaitable[Any]]], Any]


@pytest.fixture
def act(address: QueueAddress) -> Act:
    """Runs one coroutine over the run's queue; options are the queue's."""

    def run(action: Callable[[AsyncWorkQueue], Awaitable[Any]], **options: Any) -> Any:
        async def inside() -> Any:
            async with AsyncWorkQueue(address, **options) as queue:
                return await action(queue)

        return asyncio.run(inside())

    return run


def test_it_is_what_the_control_loop_needs(address: QueueAddress) -> None:
    """Every method of the port is there."""
    port: QueuePort = AsyncWorkQueue(address)
    names = [name for name in vars(QueuePort) if not name.startswith("_")]
    assert len(names) > 8
    assert all(asyncio.iscoroutinefunction(getattr(port, name)) for name in names)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda q: q.snapshot(), id="snapshot"),
        pytest.param(lambda q: q.recover_expired(), id="recover"),
        pytest.param(lambda q: q.hold_queued(), id="hold"),
        pytest.param(lambda q: q.acquire_leadership("o", 1), id="acquire"),
        pytest.param(lambda q: q.renew_leadership(1, 1), id="renew"),
        pytest.param(lambda q: q.save_turn(1, {}, {}), id="save"),
    ],
)
def test_a_lost_run_is_reported(act: Act, call: Callable[[AsyncWorkQueue], Awaitable[Any]]) -> None:
    """A queue that answers without the run's keys is not taken for a drained one, and nothing is written to it."""
    with pytest.raises(QueueLostError):
        act(call)


def test_expired_leases_are_put_back(
    act: Act, queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Items of a silent worker, and items whose delay is over, are queued again."""
    queue.fill(["a", "b", "c"])
    worker = LeaseClient(address, "pod")
    worker.turn()
    worker.turn([Outcome(1, Ending.RETRY, "{}")], take=2)
    assert queue.snapshot().counts == Counts(leased=2, delayed=1)
    assert act(lambda q: q.recover_expired()) == 0
    expire_leases(raw, keys)
    assert act(lambda q: q.recover_expired()) == 2
    assert queue.snapshot().counts == Counts(queued=3)
    worker.close()


def take_as_foreigner(raw: redis.Redis, keys: QueueKeys) -> str:
    """Take one item as the open contract does."""
    item = raw.rpoplpush(keys.queued, keys.processing)
    assert isinstance(item, str)
    return item


def test_a_foreign_item_with_a_live_lease_is_left_alone(
    act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys
) -> None:
    """As long as its lease key lives, however long that is, nobody takes it."""
    queue.fill(["a"])
    raw.set(keys.session_lease(take_as_foreigner(raw, keys)), "session", ex=60)
    for _ in range(3):
        assert act(lambda q: q.recover_expired(), foreign_grace_seconds=0) == 0
    assert queue.snapshot().counts == Counts(leased=1)


def test_a_foreign_item_without_lease_has_a_grace(
    act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys
) -> None:
    """It is put back when it was seen without a lease for that long, and counted as an attempt."""
    queue.fill(["a"])
    take_as_foreigner(raw, keys)
    for _ in range(2):
        assert act(lambda q: q.recover_expired(), lease_seconds=60) == 0
    expire_leases(raw, keys)
    assert act(lambda q: q.recover_expired()) == 1
    assert queue.snapshot().counts == Counts(queued=1)
    take_as_foreigner(raw, keys)
    act(lambda q: q.recover_expired())
    expire_leases(raw, keys)
    assert act(lambda q: q.recover_expired(), max_attempts=2) == 1
    assert queue.snapshot().counts == Counts(dead=1)


def test_a_foreign_item_that_was_finished_loses_its_mark(
    act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys
) -> None:
    """When an equal item is taken later, its grace begins anew."""
    queue.fill(["x", "x"])
    item = take_as_foreigner(raw, keys)
    act(lambda q: q.recover_expired())
    expire_leases(raw, keys)
    raw.lrem(keys.processing, 1, item)
    act(lambda q: q.recover_expired())
    take_as_foreigner(raw, keys)
    assert act(lambda q: q.recover_expired()) == 0
    assert queue.snapshot().counts == Counts(leased=1, done=1)


def take_some(raw: redis.Redis, keys: QueueKeys, leased: str) -> None:
    """Foreign workers take one item each, in order, and set a lease key for those that `leased` names."""
    while item := raw.rpoplpush(keys.queued, keys.processing):
        if item in leased:
            raw.set(keys.session_lease(item), "session", ex=60)


@pytest.mark.parametrize(
    ("leased", "workers", "first", "second"),
    [
        pytest.param("", 0, "abc", "abc", id="nobody is left: all at once"),
        pytest.param("", 1, "ab", "ab", id="workers without lease keys: the oldest at once"),
        pytest.param("", 3, "", "", id="as many workers as items: none"),
        pytest.param("", None, "", "", id="unknown: after the grace only"),
        pytest.param("ac", 2, "", "b", id="one may just have been taken: at the second look"),
        pytest.param("abc", 1, "", "", id="lease keys that live are never passed over"),
        pytest.param("a", 1, "b", "bc", id="more without a key than workers"),
    ],
)
def test_items_beyond_the_number_of_workers_are_put_back(
    act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys,
    leased: str, workers: int | None, first: str, second: str,
) -> None:  # fmt: skip
    """When foreign workers are gone, what they had is back without the grace, and nothing of the others'."""
    queue.fill(list("abc"))
    take_some(raw, keys, leased)
    for back in (first, second):
        act(lambda q: q.recover_expired(live_workers=workers))
        assert "".join(sorted(raw.lrange(keys.queued, 0, -1))) == back
    assert queue.snapshot().counts == Counts(queued=len(second), leased=3 - len(second))


def test_equal_foreign_items_are_put_back_one_by_one(
    act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Of three equal lines with one worker left, two are put back."""
    queue.fill(["x", "x", "x"])
    take_some(raw, keys, "")
    assert act(lambda q: q.recover_expired(live_workers=1)) == 2
    assert queue.snapshot().counts == Counts(queued=2, leased=1)


@pytest.mark.parametrize("failed", [0, 1, 3])
def test_items_of_removed_foreign_workers_are_not_to_blame(
    act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys, failed: int
) -> None:
    """As attempts count no more of them than workers have failed, however often it is looked."""
    queue.fill(["a", "b", "c"])
    take_some(raw, keys, "")
    assert act(lambda q: q.recover_expired(live_workers=0, failed_workers=failed)) == 3
    assert len(list(queue.iter_retrying())) == failed
    take_some(raw, keys, "")
    assert act(lambda q: q.recover_expired(live_workers=0, failed_workers=failed)) == 3
    assert sum(record["attempts"] for record in queue.iter_retrying()) == failed


def test_foreign_items_can_be_left_for_ever(act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """For workers that set no lease keys and take longer than any grace."""
    queue.fill(["a"])
    take_as_foreigner(raw, keys)
    for _ in range(2):
        assert act(lambda q: q.recover_expired(), foreign_grace_seconds=None) == 0
        expire_leases(raw, keys)
    assert queue.snapshot().counts == Counts(leased=1)


def test_foreign_work_is_in_the_ledger(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """Taken, failed and done items of the open contract are counted, and the sums are the total at every step."""
    queue.fill(["a", "b", "c"])
    first, second = take_as_foreigner(raw, keys), take_as_foreigner(raw, keys)
    assert queue.snapshot().counts == Counts(queued=1, leased=2)
    raw.lrem(keys.processing, 1, first)
    snapshot = queue.snapshot()
    assert snapshot.counts == Counts(queued=1, leased=1, done=1)
    assert snapshot.first_leased_at is not None
    assert snapshot.last_acknowledged_at == snapshot.time
    raw.rpush(keys.errors, second)
    assert queue.snapshot().counts.total == 3
    raw.lrem(keys.processing, 1, second)
    after = queue.snapshot()
    assert after.counts == Counts(queued=1, done=1, failed=1)
    assert after.last_acknowledged_at == snapshot.last_acknowledged_at
    assert after.deliveries == 2


def test_an_item_in_two_lists_is_counted_once(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """Between a foreign worker's two steps of reporting a failure the sums are still the total, none negative."""
    queue.fill(["a", "b"])
    raw.rpush(keys.errors, take_as_foreigner(raw, keys))
    assert queue.snapshot().counts == Counts(queued=1, leased=1)


def test_a_stop_hides_what_is_left(
    act: Act, queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Foreign workers see an empty queue; doing it again takes what came back meanwhile."""
    queue.fill([f"item {number}" for number in range(3000)])
    worker = LeaseClient(address, "pod")
    worker.turn()
    worker.turn([Outcome(1, Ending.RETRY, "{}")], take=0)
    assert act(lambda q: q.hold_queued()) == 3000
    assert not raw.exists(keys.queued)
    raw.lpush(keys.queued, *(f"back {number}" for number in range(1500)))
    raw.incrby(keys.total, 1500)
    assert act(lambda q: q.hold_queued()) == 4500
    assert queue.snapshot().counts == Counts(held=4500)
    worker.close()


def test_one_loop_leads(act: Act, queue: WorkQueue) -> None:
    """Another owner waits until the leader is silent for its time; the same owner is let in at once."""
    queue.fill(["a"])
    first = act(lambda q: q.acquire_leadership("trigger 1", 60))
    assert act(lambda q: q.acquire_leadership("trigger 2", 60)) is None
    again = act(lambda q: q.acquire_leadership("trigger 1", 60))
    assert again > first
    act(lambda q: q.renew_leadership(again, 60))
    act(lambda q: q.release_leadership(again))
    assert act(lambda q: q.acquire_leadership("trigger 2", 60)) > again


def test_a_replaced_leader_writes_nothing(act: Act, queue: WorkQueue) -> None:
    """Its token is refused, and its release does not end the new one's lead."""
    queue.fill(["a"])
    old = act(lambda q: q.acquire_leadership("o", 60))
    new = act(lambda q: q.acquire_leadership("o", 60))
    for call in (lambda q: q.renew_leadership(old, 60), lambda q: q.save_turn(old, {"turn": 1}, {})):
        with pytest.raises(LeadershipLostError):
            act(call)
    act(lambda q: q.release_leadership(old))
    act(lambda q: q.save_turn(new, {"turn": 2}, {"sum": 0.5}))
    assert act(lambda q: q.acquire_leadership("other", 60)) is None
    assert list(queue.iter_journal()) == [{"turn": 2}]
    assert act(lambda q: q.load_state()) == {"sum": 0.5}


def test_a_silent_leader_that_nobody_replaced_goes_on(
    act: Act, queue: WorkQueue, raw: redis.Redis, keys: QueueKeys
) -> None:
    """A long pause alone costs no lead."""
    queue.fill(["a"])
    token = act(lambda q: q.acquire_leadership("o", 60))
    raw.hset(f"{keys.queued}:leader", "until_ms", 1)
    act(lambda q: q.renew_leadership(token, 60))
    assert act(lambda q: q.acquire_leadership("other", 60)) is None


def test_a_new_run_has_no_state(act: Act, queue: WorkQueue) -> None:
    """Before the first turn there is nothing to load, and no plan."""
    queue.fill(["a"])
    assert act(lambda q: q.load_state()) is None
    assert act(lambda q: q.read_plan()) is None
    queue.write_plan("{}")
    assert act(lambda q: q.read_plan()) == "{}"


def test_a_signal_is_seen_by_the_next_look(act: Act, queue: WorkQueue) -> None:
    """What control asks of the run is read back from the same key."""
    queue.fill(["a"])
    act(lambda q: q.signal_run(Signal.TERMINATE))
    assert act(lambda q: q.snapshot()).signal is Signal.TERMINATE
