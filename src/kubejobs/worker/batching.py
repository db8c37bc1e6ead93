"""How many items to lease in one round trip. Rule: pure."""

from __future__ import annotations

from typing import Final, Literal

from kubejobs.workqueue.leasing import MAX_BATCH

AUTO: Final = "auto"
Batch = int | Literal["auto"]
"""A fixed number of items, or "auto"."""

TARGET_SECONDS: Final = 0.075
"""Work in one lease: a round trip of well under a millisecond is then nothing, and a killed worker repeats no more."""
GROWTH: Final = 2
_WEIGHT: Final = 0.5


class FixedBatch:
    """Always the same number."""

    shares: Final = False

    def __init__(self, size: int) -> None:
        self.size = size

    def note(self, worked_seconds: float, items: int) -> None:
        """Nothing is learnt."""


class AdaptiveBatch:
    """As many items as take TARGET_SECONDS by their moving average, at most twice as many as before.

    The first lease has one item, as nothing is known of them. The queue gives less near the end (`shares`), so that
    nobody holds what others could do.
    """

    shares: Final = True

    def __init__(self) -> None:
        self.size = 1
        self._mean_seconds: float | None = None

    def note(self, worked_seconds: float, items: int) -> None:
        """What a lease has shown: the time for so many items."""
        if items == 0:
            return
        mean = worked_seconds / items
        if self._mean_seconds is not None:
            mean = _WEIGHT * mean + (1 - _WEIGHT) * self._mean_seconds
        self._mean_seconds = mean
        fitting = int(TARGET_SECONDS / mean) if mean > TARGET_SECONDS / MAX_BATCH else MAX_BATCH
        self.size = max(1, min(fitting, self.size * GROWTH, MAX_BATCH))


def batch_of(batch: Batch, max_attempts: int) -> FixedBatch | AdaptiveBatch:
    """The batches of a loop.

    With a single attempt there are none: an item that kills its worker would end the whole batch's.
    """
    if max_attempts == 1:
        return FixedBatch(1)
    return AdaptiveBatch() if batch == AUTO else FixedBatch(int(batch))
