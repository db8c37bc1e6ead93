"""Looks at the ledger all the time while a test breaks things, and keeps what did not add up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

from kubejobs.errors import QueueUnavailableError
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress

_PAUSE_SECONDS = 0.01
_WAIT_SECONDS = 150.0


class LedgerSampler:
    """A thread that reads the ledger a hundred times a second, for the block.

    Every look must show a total that does not shrink, sums that agree with what was counted as it happened, and, unless
    the server is made to lose writes (`may_lose`), no less done than before. A server that is away is waited for.
    """

    def __init__(self, address: QueueAddress, *, total: int | None = None, may_lose: bool = False) -> None:
        self.problems: list[str] = []
        self.looks = self.outages = 0
        self.counts = Counts()
        self._queue = WorkQueue(address)
        self._total = total
        self._may_lose = may_lose
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._queue.close()

    def _run(self) -> None:
        away = False
        while not self._stop.wait(_PAUSE_SECONDS):
            try:
                self._look()
                away = False
            except QueueUnavailableError:
                self.outages += not away
                away = True
            except Exception as error:  # noqa: BLE001  # a thread's error is the test's, not its own
                self.problems.append(repr(error))
                return

    def _look(self) -> None:
        counts = self._queue.snapshot().counts
        self.problems += self._queue.verify()
        if self._total is not None and counts.total != self._total:
            self.problems.append(f"{counts} adds up to {counts.total}, not to {self._total}")
        if counts.done < self.counts.done and not self._may_lose:
            self.problems.append(f"done went back from {self.counts.done} to {counts.done}")
        self.counts = counts
        self.looks += 1

    def wait_for_done(self, least: float) -> None:
        """Return when so many items are done."""
        self.wait_for(lambda counts: counts.done >= least, f"{least:.0f} items are done")

    def wait_for(self, condition: Callable[[Counts], object], what: str) -> None:
        """Return when what was seen last fulfils the condition; fail with `what`, or if the looking has ended."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not condition(self.counts):
            if self.problems:
                raise AssertionError(f"the ledger does not add up: {self.problems[:3]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {_WAIT_SECONDS:g} s for: {what}; last seen: {self.counts}")
            time.sleep(0.002)
