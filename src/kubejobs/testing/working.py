"""A worker's own code run on a queue in memory, in this process, without waiting for anything.

Rule: what a worker would wait for (a retry's delay, the end of a dead worker's lease) the clock is moved on to.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from kubejobs.errors import QueueError
from kubejobs.testing.queue import MemoryQueue
from kubejobs.worker.batching import Batch
from kubejobs.worker.item import Item
from kubejobs.worker.session import WorkerQueue
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue.leasing import RetryDelays
from kubejobs.workqueue.types import Counts, QueueAddress

T = TypeVar("T")


class WorkerDied(BaseException):
    """Raise it in a worker's code to end that worker as kill -9 would: its items stay leased until that expires."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of a run.

    `results` has what was returned for each item (for equal items the last). `failures` are the records of the items
    that ended badly, `counts` the ledger's sums, `calls` how often the function was called, `workers` how many workers
    it took, `seconds` how much time passed on the queue's clock.
    """

    results: dict[str, Any]
    failures: tuple[dict[str, Any], ...]
    counts: Counts
    calls: int
    workers: int
    seconds: float


def work(
    function: Callable[[Item], Any],
    items: Iterable[str | tuple[int, str]],
    *,
    permanent: tuple[type[Exception], ...] = (),
    batch: Batch = 1,
    max_attempts: int = 3,
    delays: RetryDelays | None = None,
) -> Worked:
    """Work `items` off with `function`, as workers that call `queue.process(function)` would do one after another.

    Where the function raises WorkerDied, a new worker goes on once the lease has expired.
    """
    queue = MemoryQueue(max_attempts=max_attempts, delays=delays)
    queue.fill(items)
    begun_at = queue.clock.now()
    calls = 0

    def counted(item: Item) -> Any:
        nonlocal calls
        calls += 1
        return function(item)

    for workers in itertools.count(1):
        try:
            run_worker(
                lambda session: session.process(counted, permanent=permanent),
                queue,
                worker=f"worker-{workers}",
                batch=batch,
            )
        except WorkerDied:
            continue
        break
    return Worked(
        results={record["item"]: record["result"] for record in queue.iter_results()},
        failures=tuple(queue.iter_failures()),
        counts=queue.snapshot().counts,
        calls=calls,
        workers=workers,
        seconds=queue.clock.now() - begun_at,
    )


def run_worker(loop: Callable[[WorkerQueue], T], queue: MemoryQueue, *, worker: str = "worker", batch: Batch = 1) -> T:
    """Run `loop` as one worker of the run, and return what it returns.

    It is given what `kubejobs.worker.connect()` gives in a pod. The queue's clock must be one that can be advanced.
    Raises QueueError when the worker would wait for ever.
    """
    ledger, clock = queue.ledger, queue.clock

    def skip(_: float) -> None:
        event_at = ledger.next_event_at()
        if event_at is None:
            raise QueueError(
                f"{worker} would wait for ever: nothing is queued or leased, and the queue is open, away or draining; "
                "append items, call mark_closed(), or drain fewer workers"
            )
        clock.advance(max(event_at - clock.now(), 0.0))

    settings = WorkerSettings(QueueAddress("memory"), worker, batch=batch, lost_seconds=0.0)
    session = WorkerQueue(settings, leases=queue.lease_client(worker), heartbeat=_NoHeartbeat(), sleep=skip)
    try:
        value = loop(session)
    except WorkerDied:
        raise
    except BaseException as error:
        session.close(error)
        raise
    session.close()
    return value


class _NoHeartbeat:
    """Nothing renews a lease: time passes only when it is told to."""

    def open(self) -> None:
        """Do nothing."""

    def watch(self, lease: str, items: int) -> None:
        """Do nothing."""

    def start(self, place: int) -> bool:  # noqa: ARG002
        """Let every item start."""
        return True

    def drain(self, *, draining: bool) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
