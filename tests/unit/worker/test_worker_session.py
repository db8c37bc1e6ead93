"""The client library in one process, on a real server."""

import signal
from collections.abc import Callable, Iterator

import pytest
import redis

from kubejobs.errors import QueueError
from kubejobs.worker import Item, WorkerQueue, WorkerSettings
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import RetryDelays
from kubejobs.workqueue.types import Counts, QueueAddress
from support.queue_fixtures import expire_leases
from support.valkey import ValkeyServer

Connect = Callable[..., WorkerQueue]


@pytest.fixture
def connect(address: QueueAddress) -> Iterator[Connect]:
    """Makes workers of the run that retry at once."""

    def make(**options: object) -> WorkerQueue:
        return WorkerQueue(WorkerSettings(address, "pod-1", delays=RetryDelays(0, 0), **options))

    yield make
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def values(items: Iterator[Item]) -> list[str]:
    """The items' lines."""
    return [item.value for item in items]


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_a_loop_does_every_item_in_order(queue: WorkQueue, connect: Connect, batch: int) -> None:
    """In batches of any size, and ends when there is nothing left."""
    lines = [f"item {number}" for number in range(10)]
    queue.fill(lines)
    with connect(batch=batch) as worker:
        assert values(worker.items()) == lines
    assert queue.snapshot().counts == Counts(done=10)


def test_process_turns_errors_into_retries(queue: WorkQueue, connect: Connect) -> None:
    """What a function returns is the result; what it raises fails its item, for good or to be tried again."""
    queue.fill(["good", "nothing", "flaky", "bad", "permanent"])

    def work(item: Item) -> object:
        if item.value == "flaky" and item.attempt == 1:
            raise TimeoutError("not yet")
        if item.value == "bad":
            raise ValueError("never")
        if item.value == "permanent":
            raise KeyError("gone")
        return None if item.value == "nothing" else len(item.value)

    with connect(max_attempts=2) as worker:
        assert worker.process(work, permanent=(KeyError,)) == 7
    assert queue.snapshot().counts == Counts(done=3, failed=1, dead=1)
    assert list(queue.iter_results()) == [{"item": "good", "result": 4}, {"item": "flaky", "result": 5}]
    failures = {record["item"]: record for record in queue.iter_failures()}
    assert (failures["bad"]["kind"], failures["bad"]["attempts"]) == ("dead", 2)
    assert (failures["permanent"]["kind"], failures["permanent"]["attempts"]) == ("failed", 1)
    assert "in work" in failures["bad"]["error"]["traceback"]


def test_a_result_that_is_too_large_fails_its_item(queue: WorkQueue, connect: Connect) -> None:
    """The run goes on, and the report says why."""
    queue.fill(["a", "b"])
    with connect(max_attempts=1) as worker:
        worker.process(lambda item: "x" * 20_000 if item.value == "a" else "small")
    assert queue.snapshot().counts == Counts(done=1, dead=1)
    [failure] = queue.iter_failures()
    assert "store it elsewhere" in failure["error"]["message"]


def test_leaving_the_loop_acknowledges_the_present_item(queue: WorkQueue, connect: Connect) -> None:
    """After `break` it is done and the rest of its batch is given back."""
    queue.fill(["a", "b", "c"])
    with connect(batch=3) as worker:
        for item in worker.items():
            if item.value == "b":
                break
    assert queue.snapshot().counts == Counts(queued=1, done=2)


def test_an_interruption_gives_the_item_back(queue: WorkQueue, connect: Connect) -> None:
    """Ctrl-C is no failure of the item."""
    queue.fill(["a", "b"])
    worker = connect(batch=2)
    next(worker.items())
    worker.close(KeyboardInterrupt())
    assert queue.snapshot().counts == Counts(queued=2)
    with connect() as worker:
        assert next(worker.items()).attempt == 1


def test_a_late_acknowledgement_is_reported(
    queue: WorkQueue,
    connect: Connect,
    raw: redis.Redis,
    keys: QueueKeys,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A worker that slept through its lease is told, and the item is done once, by whom it was given to."""
    queue.fill(["a"])
    # The first has the handler of SIGTERM, so that stopping the second does not end this program.
    with connect(), connect() as slow, connect() as quick:
        items = slow.items()
        next(items)
        expire_leases(raw, keys)
        taken = quick.items()
        assert next(taken).attempt == 2
        slow.stop()
        assert values(items) == []
        assert slow.expired == 1
        assert queue.snapshot().counts == Counts(leased=1)
        assert values(taken) == []
    assert queue.snapshot().counts == Counts(done=1)
    assert "expired before they were acknowledged" in caplog.text


def test_a_sigterm_handler_of_the_program_is_kept(queue: WorkQueue, connect: Connect) -> None:
    """A program that handles SIGTERM itself calls stop() and ends as it likes."""
    queue.fill(["a", "b"])
    handled = []
    signal.signal(signal.SIGTERM, lambda *_: handled.append(1))
    try:
        with connect() as worker:
            worker.on_stop(lambda: handled.append(2))
            for _ in worker.items():
                signal.raise_signal(signal.SIGTERM)
                worker.stop()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert handled == [1, 2]
    assert queue.snapshot().counts == Counts(queued=1, done=1)


def test_a_refused_worker_says_which_variable(valkey: ValkeyServer) -> None:
    """A wrong password is no reason to wait for ever."""
    settings = WorkerSettings(QueueAddress("127.0.0.1", valkey.port, "wrong-password"), "pod-1")
    with pytest.raises(QueueError, match="REDIS_PASSWORD") as caught, WorkerQueue(settings) as worker:
        next(worker.items())
    assert "wrong-password" not in str(caught.value)
