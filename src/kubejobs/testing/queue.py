"""The run's queue in memory: WorkQueue's verbs, and views of it for workers and for the control loop.

Rule: the same behaviour as the queue's server gives, on a clock that may be moved by hand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any, Self

from kubejobs.errors import QueueError
from kubejobs.testing.clock import ManualClock
from kubejobs.testing.control import MemoryControlPort
from kubejobs.testing.leases import MemoryLeaseClient
from kubejobs.testing.ledger import Ledger, Now
from kubejobs.testing.reading import MemoryReader, Records
from kubejobs.workqueue.appending import CLOSED_MESSAGE, check_items, check_priority
from kubejobs.workqueue.leasing import RetryDelays
from kubejobs.workqueue.types import Signal


class MemoryQueue(MemoryReader):
    """One run's queue, in this process and on virtual time; for one thread.

    `clock` is by default a ManualClock, at `queue.clock`. The other options are those of the lease clients and of the
    control loop. `jitter` gives numbers from 0 to 1 for the delays of retries, by default the same ones each time.
    Not here: workers of the open contract.
    """

    def __init__(
        self,
        clock: Now | None = None,
        *,
        lease_seconds: float = 60.0,
        max_attempts: int = 3,
        delays: RetryDelays | None = None,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self.clock: Any = clock or ManualClock()
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts
        self._delays = delays or RetryDelays()
        # Not a secret: the delays only have to differ.
        self.ledger = Ledger(self.clock, jitter or random.Random(0).random)  # noqa: S311
        self._records = Records()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def lease_client(
        self,
        worker: str,
        *,
        lease_seconds: float | None = None,
        max_attempts: int | None = None,
        delays: RetryDelays | None = None,
    ) -> MemoryLeaseClient:
        """A new session of a worker; what is not given is as the queue's."""
        return MemoryLeaseClient(
            self.ledger,
            lambda items, priority: self.append(items, priority=priority),
            worker,
            lease_seconds=self._lease_seconds if lease_seconds is None else lease_seconds,
            max_attempts=self._max_attempts if max_attempts is None else max_attempts,
            delays=delays or self._delays,
        )

    def control_port(self) -> MemoryControlPort:
        """The queue as the control loop sees it."""
        return MemoryControlPort(self.ledger, self._records, self._max_attempts)

    def fill(
        self,
        items: Iterable[str | tuple[int, str]],
        batch: int = 1000,  # noqa: ARG002
        *,
        close: bool = True,
        merge_priorities: bool = False,
    ) -> int:
        """Put in the run's items, in order; returns how many there are. As WorkQueue.fill."""
        self.ping()
        if self.ledger.total is not None:
            return self.ledger.total
        levels: dict[int, list[str]] = {}
        for item in items:
            priority, text = (0, item) if isinstance(item, str) else item
            levels.setdefault(priority, []).append(text)
        for priority, texts in levels.items():
            check_priority(priority)
            check_items(texts)
        for priority in sorted(levels, reverse=True):
            self.ledger.levels[0 if merge_priorities else priority].extend(levels[priority])
        self.ledger.total = sum(map(len, levels.values()))
        self.ledger.merged = merge_priorities
        self.ledger.closed = close
        return self.ledger.total

    def append(self, items: Iterable[str], *, priority: int = 0) -> int:
        """Add late arrivals to a queue that is not closed; returns the run's new total."""
        check_priority(priority)
        values = list(items)
        check_items(values)
        ledger = self.ledger
        ledger.check()
        if values and ledger.closed:
            raise QueueError(CLOSED_MESSAGE)
        if ledger.signal is not None:
            ledger.held.extend(values)
        elif priority and ledger.merged:
            ledger.put_back(values, 0)
        else:
            ledger.levels[priority].extend(values)
        ledger.total = (ledger.total or 0) + len(values)
        return ledger.total

    def mark_closed(self) -> None:
        """Say that no more items will come, so that workers may end when everything is worked off."""
        self.ledger.check()
        self.ledger.closed = True

    def unstart(self, lease: str, keep: int) -> int:
        """Give back the items of a lease after the first `keep`, as a worker's heartbeat does; returns how many."""
        held = self.ledger.leases.get(lease)
        if held is None:
            return 0
        returned = held.items[max(keep, 1) :]
        del held.items[max(keep, 1) :]
        self.ledger.put_back(returned, held.level)
        return len(returned)

    def write_plan(self, plan: str) -> None:
        """Store the run's plan (JSON)."""
        self._records.plan = plan

    def read_plan(self) -> str | None:
        """The run's plan, or None if there is none."""
        return self._records.plan

    def start_clock(self) -> float:
        """When the run's clock started, in seconds since the epoch; the first call starts it."""
        if self._records.started_at is None:
            self._records.started_at = self.clock.now()
        return self._records.started_at

    def signal_run(self, signal: Signal) -> None:
        """Ask the run to stop or to terminate."""
        self.ledger.signal = signal

    def ping(self) -> None:
        """Return unless the queue was made unavailable."""
        self.ledger.check_available()

    def delete_run(self) -> int:
        """Forget the run; returns how many items it had."""
        total = self.ledger.total or 0
        self.ledger.forget()
        self._records.forget()
        return total
