"""A researcher's worker code, tested without a server."""

import pytest

from kubejobs.errors import QueueError
from kubejobs.testing import MemoryQueue, WorkerDied, run_worker, work
from kubejobs.worker.item import Item
from kubejobs.worker.session import WorkerQueue
from kubejobs.workqueue.leasing import RetryDelays
from kubejobs.workqueue.types import Counts


def length(item: Item) -> int:
    """A user's function."""
    if item.value == "bad":
        raise ValueError("a bad line")
    return len(item.value)


def test_results_are_what_the_function_returned() -> None:
    """Each item's, by its line."""
    worked = work(length, ["a", "bcd", (5, "ef")])
    assert worked.results == {"a": 1, "bcd": 3, "ef": 2}
    assert (worked.counts, worked.calls, worked.workers, worked.failures) == (Counts(done=3), 3, 1, ())


@pytest.mark.parametrize(
    ("permanent", "calls", "kind", "reason"),
    [
        pytest.param((), 4, "dead", "AttemptsUsedUp", id="tried again"),
        pytest.param((ValueError,), 2, "failed", "FailedByWorker", id="failed for good"),
    ],
)
def test_failures_are_told(permanent: tuple[type[Exception], ...], calls: int, kind: str, reason: str) -> None:
    """With what went wrong, after as many tries as there would be."""
    worked = work(length, ["a", "bad"], permanent=permanent)
    [failure] = worked.failures
    assert (failure["item"], failure["kind"], failure["reason"]) == ("bad", kind, reason)
    assert (failure["error"]["type"], failure["error"]["message"]) == ("ValueError", "a bad line")
    assert worked.calls == calls


def test_a_retry_waits_on_the_queue_s_clock_alone() -> None:
    """Two delays of up to an hour take no time."""
    worked = work(length, ["bad"], delays=RetryDelays(3600, 3600))
    assert 3600 <= worked.seconds <= 7200


def test_an_item_that_kills_its_worker_is_given_to_others() -> None:
    """Each death costs a lease's time; the other items are done."""

    def deadly(item: Item) -> None:
        if item.value == "deadly":
            raise WorkerDied

    worked = work(deadly, ["a", "deadly", "b"], max_attempts=2)
    assert worked.counts == Counts(done=2, dead=1)
    assert (worked.workers, worked.seconds) == (3, 120.0)
    assert worked.failures[0]["reason"] == "LeaseExpired"


def test_batches_and_late_arrivals_work_as_in_a_pod() -> None:
    """A user's loop may use all of the session."""
    queue = MemoryQueue()
    queue.fill(["1"], close=False)

    def loop(session: WorkerQueue) -> list[str]:
        seen = []
        for item in session.items(batch=5):
            seen.append(item.value)
            if item.value == "1":
                session.append(["2", "3"], priority=4)
                session.close_queue()
        return seen

    assert run_worker(loop, queue) == ["1", "2", "3"]
    assert queue.snapshot().counts == Counts(done=3)
    assert queue.snapshot().sessions == 0


def test_an_error_of_the_loop_ends_it_as_in_a_pod() -> None:
    """The item at hand is to be tried again, those that were not started are back, and the error is the caller's."""
    queue = MemoryQueue()
    queue.fill(["a", "b", "c"])

    def loop(session: WorkerQueue) -> None:
        for _ in session.items(batch=3):
            raise RuntimeError("the program's own")

    with pytest.raises(RuntimeError, match="the program's own"):
        run_worker(loop, queue)
    assert queue.snapshot().counts == Counts(queued=2, delayed=1)
    assert next(queue.iter_retrying())["error"]["type"] == "RuntimeError"


@pytest.mark.parametrize("why", ["open", "away"])
def test_a_worker_that_would_wait_for_ever_ends(why: str) -> None:
    """With an error that says what to do, instead of hanging."""
    queue = MemoryQueue()
    queue.fill([], close=False)
    queue.ledger.unavailable = why == "away"
    with pytest.raises(QueueError, match="would wait for ever"):
        run_worker(lambda session: list(session.items()), queue)


def test_a_stopped_run_ends_the_loop() -> None:
    """As in a pod."""
    queue = MemoryQueue()
    queue.fill(["a", "b"])

    def loop(session: WorkerQueue) -> int:
        for _ in session.items():
            session.stop()
        return session.exit_code

    assert run_worker(loop, queue) == 143
    assert queue.snapshot().counts == Counts(queued=1, done=1)
