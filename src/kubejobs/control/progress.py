"""The run's progress in a few numbers, for whoever shows it while it runs.

Rule: showing never holds up or breaks the loop; a slow or failing callback costs the loop nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from kubejobs.clock import Clock
from kubejobs.control.look import Look
from kubejobs.control.plan import Plan

log = logging.getLogger(__name__)

ProgressCallback = Callable[[dict[str, Any]], Awaitable[None]]

_WINDOW_SECONDS = 60.0
_LONGEST_CALL_SECONDS = 30.0
_LAST_CALL_SECONDS = 10.0


class RateWindow:
    """Items finished per second over the last minute at most."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, time: float, finished: int) -> None:
        """One sample: `finished` items at `time`."""
        self._samples.append((time, finished))
        while len(self._samples) > 2 and self._samples[1][0] <= time - _WINDOW_SECONDS:  # noqa: PLR2004 - two make a rate
            self._samples.popleft()

    def rate(self) -> float | None:
        """Items per second; None while there is nothing to tell it from."""
        if not self._samples:
            return None
        (first_time, first), (last_time, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else None


class ProgressPublisher:
    """Calls back at the start, at most every `interval_seconds`, and at the end; one call at a time."""

    def __init__(self, plan: Plan, clock: Clock, callback: ProgressCallback | None, interval_seconds: float) -> None:
        self._plan = plan
        self._clock = clock
        self._callback = callback
        self._interval = interval_seconds
        self._window = RateWindow()
        self._due = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def publish(self, look: Look, state: str) -> None:
        """Take the look into account, and tell it if it is time; returns at once."""
        self._window.add(look.snapshot.time, look.snapshot.counts.finished)
        if self._callback is None or self._clock.monotonic() < self._due:
            return
        if self._task is None or self._task.done():
            self._due = self._clock.monotonic() + self._interval
            self._task = asyncio.create_task(self._call(self.summary(look, state), _LONGEST_CALL_SECONDS))

    async def finish(self, look: Look | None, state: str) -> None:
        """The last word, after the one under way."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_LAST_CALL_SECONDS)
            await self.cancel()
        if self._callback is not None and look is not None:
            await self._call(self.summary(look, state), _LAST_CALL_SECONDS)

    async def cancel(self) -> None:
        """Give up the call under way, if there is one."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def summary(self, look: Look, state: str) -> dict[str, Any]:
        """JSON-compatible; `rate` is in items a second, `eta_seconds` counts from now; None where unknown."""
        counts, rate = look.snapshot.counts, self._window.rate()
        return {
            "state": state,
            "done": counts.done,
            "failed": counts.failed,
            "dead": counts.dead,
            "total": counts.total,
            "rate": None if rate is None else round(rate, 4),
            "replicas": 0 if look.job is None else look.job.parallelism,
            "ready": 0 if look.job is None else look.job.ready,
            "eta_seconds": round(counts.open / rate, 1) if rate else None if counts.open else 0.0,
            "expected_seconds": self._plan.submission.expected_time,
            "elapsed_seconds": round(look.snapshot.time - self._plan.started_at, 3),
        }

    async def _call(self, summary: dict[str, Any], seconds: float) -> None:
        if self._callback is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._callback(summary)
        except Exception as error:  # noqa: BLE001 - whatever a display does wrong is not the run's business
            log.warning("progress was not shown: %s", error or type(error).__name__)
