"""Filling, appending, reading and deleting a run's queue, on a real server."""

from collections.abc import Iterator

import pytest
import redis

from kubejobs.errors import QueueError, QueueLostError
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.types import Counts, QueueAddress, Signal


def test_a_fill_keeps_the_order(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """Items leave from the right in the order in which they came, over batches and round trips."""
    items = [f"item {number}" for number in range(1050)]
    assert queue.fill(iter(items), batch=10) == 1050
    assert [raw.rpop(keys.queued) for _ in items] == items


def test_a_fill_that_finished_is_recognised(queue: WorkQueue) -> None:
    """A repeated deploy reads no workload and changes nothing."""

    def unread() -> Iterator[str]:
        pytest.fail("the workload was read again")
        yield ""

    queue.fill(["a", "b"])
    assert queue.fill(unread()) == 2
    assert queue.snapshot().counts == Counts(queued=2)


def test_an_interrupted_fill_is_discarded(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """Nothing of it is visible, and the next fill leaves nothing of it behind."""

    def broken() -> Iterator[str]:
        yield from map(str, range(5000))
        raise OSError("the source ended")

    with pytest.raises(OSError, match="the source ended"):
        queue.fill(broken(), batch=100)
    with pytest.raises(QueueLostError):
        queue.snapshot()
    assert not raw.exists(keys.queued)
    assert len(list(raw.scan_iter(f"{keys.queued}:filling:*"))) == 1
    assert queue.fill(["a"]) == 1
    assert sorted(raw.scan_iter(keys.pattern)) == sorted([keys.total, keys.filled, keys.closed])


def test_a_fill_whose_server_forgot_it_says_so(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """A server without persistence that is restarted in the middle; what came after it is not left behind."""

    def forgotten() -> Iterator[tuple[int, str]]:
        yield from ((number % 3, str(number)) for number in range(20_000))
        raw.delete(*raw.scan_iter(f"{keys.queued}:*"))
        yield from ((number % 3, str(number)) for number in range(20_000))

    with pytest.raises(QueueError, match=r"40000 items were sent .* restarted or lost data"):
        queue.fill(forgotten())
    assert not list(raw.scan_iter(keys.pattern))
    assert queue.fill(["a"]) == 1


def test_of_two_fills_the_later_wins(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """A deploy that was thought dead can't mix its items into its successor's."""

    def overtaken() -> Iterator[str]:
        yield "early"
        raw.set(f"{keys.queued}:filling", "another")
        yield "late"

    with pytest.raises(QueueError, match="another deploy"):
        queue.fill(overtaken())
    assert not raw.exists(keys.queued, keys.filled)


def test_missing_items_are_noticed(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """A server that lost some of them in the meantime is not taken for full."""

    def losing() -> Iterator[str]:
        for number in range(30):
            if number == 25:
                staged = next(raw.scan_iter(f"{keys.queued}:filling:*"))
                raw.ltrim(staged, 0, 3)
            yield str(number)

    with pytest.raises(QueueError, match="fill it again"):
        queue.fill(losing(), batch=1)


def test_a_list_of_somebody_else_is_not_mixed_with(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """Items under the run's key that no fill put there stop the deploy."""
    raw.lpush(keys.queued, "foreign")
    with pytest.raises(QueueError, match="already holds 1 items"):
        queue.fill(["a"])


@pytest.mark.parametrize("item", ["", "two\nlines"], ids=["empty", "two lines"])
def test_an_item_is_one_line(queue: WorkQueue, item: str) -> None:
    """Others are refused with the item shown."""
    with pytest.raises(QueueError, match="one line"):
        queue.fill(["good", item])


def test_items_are_kept_to_the_byte(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """Spaces, carriage returns and letters of any script arrive as they were."""
    items = [" a ", "b\r", "ü → 漢", "\x00"]
    queue.fill(items)
    assert raw.lrange(keys.queued, 0, -1) == items[::-1]


def test_an_item_outside_utf8_is_refused(queue: WorkQueue) -> None:
    """Half a surrogate pair is no text."""
    with pytest.raises(QueueError, match="UTF-8"):
        queue.fill(["\ud800"])


def test_an_empty_fill_is_a_run_of_nothing(queue: WorkQueue) -> None:
    """It is filled, with a total of 0."""
    assert queue.fill([]) == 0
    assert queue.snapshot().counts == Counts()


def test_late_arrivals_are_counted(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """They queue behind the others and the total grows, until the queue is closed."""
    queue.fill(["a"], close=False)
    assert queue.append(["b", "c"]) == 3
    assert queue.append([]) == 3
    assert raw.lrange(keys.queued, 0, -1) == ["c", "b", "a"]
    queue.mark_closed()
    with pytest.raises(QueueError, match="closed"):
        queue.append(["d"])
    assert queue.snapshot().counts == Counts(queued=3)


def test_late_arrivals_of_a_stopped_run_are_held(queue: WorkQueue) -> None:
    """Workers of the open contract, who do not know of the stop, don't see them."""
    queue.fill(["a"], close=False)
    queue.signal_run(Signal.STOP)
    queue.append(["b"])
    assert queue.snapshot().counts == Counts(queued=1, held=1)


def test_nothing_is_appended_to_a_run_that_is_not_there(queue: WorkQueue) -> None:
    """A queue that was never filled, or was lost, says so."""
    with pytest.raises(QueueLostError, match="does not hold this run"):
        queue.append(["a"])


def test_the_plan_is_kept(queue: WorkQueue) -> None:
    """It is read as it was written; before that there is none."""
    assert queue.read_plan() is None
    queue.write_plan('{"ü": 1}')
    assert queue.read_plan() == '{"ü": 1}'


def test_the_clock_starts_once(queue: WorkQueue, raw: redis.Redis) -> None:
    """A repeated deploy gets the time of the first, by the server's clock."""
    before = raw.time()
    started = queue.start_clock()
    assert started >= before[0]
    assert queue.start_clock() == started


@pytest.mark.parametrize(
    ("word", "signal"),
    [
        pytest.param("stop", Signal.STOP, id="stop"),
        pytest.param("terminate", Signal.TERMINATE, id="terminate"),
        pytest.param("STOP\n", Signal.STOP, id="a person's spelling"),
        pytest.param("please end", Signal.STOP, id="an unknown word is the gentler end"),
    ],
)
def test_a_person_s_signal_is_seen(
    queue: WorkQueue, raw: redis.Redis, keys: QueueKeys, word: str, signal: Signal
) -> None:
    """The control key may be set with redis-cli."""
    queue.fill(["a"])
    assert queue.snapshot().signal is None
    raw.set(keys.control, word)
    assert queue.snapshot().signal is signal


def test_deleting_a_run_touches_no_other(queue: WorkQueue, raw: redis.Redis, address: QueueAddress) -> None:
    """All of its keys go, and nothing that only looks alike."""
    others = [f"{address.prefix}jobs", f"{address.prefix[:-1]}0:job", "job", "job:total"]
    for other in others:
        raw.set(other, "theirs")
    queue.fill(["a"])
    queue.write_plan("{}")
    raw.lpush(f"{address.prefix}job:processing", "x")
    raw.set(f"{address.prefix}job:leased_by_session:0", "x")
    assert queue.delete_run() == 7
    assert list(raw.scan_iter(f"{address.prefix}*")) == [f"{address.prefix}jobs"]
    assert raw.delete(*others) == 4


def test_records_are_read_in_pages(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """A long journal, many results and failures are streamed whole and in order."""
    raw.rpush(keys.journal, *(f'{{"turn":{number}}}' for number in range(2500)))
    raw.rpush(keys.results, *(f'["i",{number}]' for number in range(1001)))
    raw.rpush(keys.failures, '{"item":"f","kind":"dead"}')
    raw.rpush(keys.errors, "e")
    assert [line["turn"] for line in queue.iter_journal()] == list(range(2500))
    assert [record["result"] for record in queue.iter_results()] == list(range(1001))
    assert [(record["item"], record["kind"]) for record in queue.iter_failures()] == [("f", "dead"), ("e", "failed")]


def test_a_given_client_is_left_open(raw: redis.Redis, address: QueueAddress) -> None:
    """A queue over a shared client does not close it, and works whether or not replies are decoded."""
    with WorkQueue(raw, prefix=address.prefix) as queue:
        queue.fill(["a"])
        assert queue.snapshot().counts.queued == 1
        assert queue.delete_run() == 4
    assert raw.ping()
