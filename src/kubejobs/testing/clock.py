"""A clock that stands still until it is told to go on. Rule: nothing here waits."""

from __future__ import annotations

from typing import Final

EPOCH: Final = 1_700_000_000.0


class ManualClock:
    """A clock for tests: time passes by `advance`, and by `sleep`, which returns at once."""

    def __init__(self, now: float = EPOCH) -> None:
        self._start = now
        self._now = now

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._now - self._start

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError(f"time can't go back: {seconds!r} s")
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.advance(seconds)
