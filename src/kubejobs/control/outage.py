"""For how long the queue has not been readable."""

from __future__ import annotations

from kubejobs.clock import Clock


class Outage:
    """From the first error until the queue was read and written again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None
        self._error: Exception | None = None

    def note(self, error: Exception) -> None:
        """The queue gave this error just now."""
        self._since = self._clock.monotonic() if self._since is None else self._since
        self._error = error

    def over(self) -> None:
        """The queue answers again."""
        self._since = self._error = None

    @property
    def seconds(self) -> float | None:
        """How long it has lasted; None when there is none."""
        return None if self._since is None else self._clock.monotonic() - self._since

    def __str__(self) -> str:
        return f"the queue could not be used for {self.seconds or 0.0:.1f} s ({self._error})"
