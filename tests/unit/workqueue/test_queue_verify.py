"""The ledger's check finds whatever does not add up, on a real server whose keys are damaged by hand."""

import json
from collections.abc import Callable

import pytest
import redis

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, RetryDelays
from kubejobs.workqueue.types import QueueAddress, Signal

Damage = Callable[[redis.Redis, QueueKeys, str], object]


def base(keys: QueueKeys, suffix: str) -> str:
    """A key by its suffix."""
    return f"{keys.queued}:{suffix}"


@pytest.fixture
def lease(queue: WorkQueue, address: QueueAddress) -> str:
    """The lease of a run with something in every place: queued, at two levels; leased, delayed, done, failed, held."""
    queue.fill([(4, "done"), (4, "failed"), (4, "delayed"), (4, "leased"), (3, "waits"), (0, "waits")], close=False)
    worker = LeaseClient(address, "pod-1", delays=RetryDelays(1000, 1000))
    worker.turn(take=3)
    turn = worker.turn([Outcome(2, Ending.FAIL), Outcome(3, Ending.RETRY)])
    queue.signal_run(Signal.STOP)
    queue.append(["held"])
    worker.close()
    return turn.lease


def test_a_sound_ledger_has_nothing_to_say(queue: WorkQueue, lease: str) -> None:
    """Every place is in use, and all sums agree."""
    counts = queue.snapshot().counts
    assert (counts.queued, counts.leased, counts.delayed, counts.done, counts.failed, counts.held) == (2, 1, 1, 1, 1, 1)
    assert queue.verify() == ()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(lambda raw, keys, _: raw.rpop(keys.queued), "counted as done", id="a queued item is lost"),
        pytest.param(lambda raw, keys, _: raw.rpush(keys.queued, "x"), "counted as done", id="an item is twice"),
        pytest.param(lambda raw, keys, _: raw.rpop(keys.level(3)), "counted as done", id="a prioritized item is lost"),
        pytest.param(lambda raw, keys, _: raw.rpop(keys.held), "counted as done", id="a held item is lost"),
        pytest.param(lambda raw, keys, _: raw.delete(base(keys, "delayed")), "counted as done", id="a delay is lost"),
        pytest.param(lambda raw, keys, _: raw.incr(keys.total), "counted as done", id="the total is wrong"),
        pytest.param(
            lambda raw, keys, _: raw.hincrby(base(keys, "counts"), "done", 1), "counted as done", id="done twice"
        ),
        pytest.param(
            lambda raw, keys, _: raw.hincrby(base(keys, "counts"), "dead", 1), "1 records of them", id="dead twice"
        ),
        pytest.param(lambda raw, keys, _: raw.delete(keys.failures), "0 records of them", id="a record is lost"),
        pytest.param(lambda raw, keys, lease: raw.delete(keys.lease(lease)), "1 of 1 leases hold no", id="empty lease"),
        pytest.param(lambda raw, keys, _: raw.delete(keys.leases), "is not among the leases", id="orphaned lease"),
        pytest.param(
            lambda raw, keys, _: raw.delete(base(keys, "levels")), "no worker looks for", id="an unlisted priority"
        ),
    ],
)
def test_damage_is_found(
    queue: WorkQueue, raw: redis.Redis, keys: QueueKeys, lease: str, damage: Damage, words: str
) -> None:
    """Each kind has its sentence."""
    damage(raw, keys, lease)
    assert words in " ".join(queue.verify())


def test_an_orphaned_lease_is_named(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys, lease: str) -> None:
    """With its worker and how many items nobody would ever see again."""
    raw.delete(keys.leases)
    assert f"the lease {lease} is not among the leases, but 1 items have it" in queue.verify()


def test_foreign_work_is_no_discrepancy(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """What such workers do is not counted as it happens, so it can't disagree; too much that is done can."""
    queue.fill(["a", "b"])
    raw.lrem(keys.processing, 1, raw.rpoplpush(keys.queued, keys.processing))
    assert queue.verify(open_contract=True) == ()
    assert len(queue.verify()) == 1
    raw.hincrby(base(keys, "counts"), "done", 2)
    assert len(queue.verify(open_contract=True)) == 1


def test_every_failure_is_readable(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys, lease: str) -> None:
    """The records are JSON as stored."""
    assert [json.loads(line)["item"] for line in raw.lrange(keys.failures, 0, -1)] == ["failed"]
