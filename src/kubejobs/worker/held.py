"""The items of one lease while a worker has them: which were started, how they ended, how long they took."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from kubejobs.durations import bucket_of
from kubejobs.worker.item import Item
from kubejobs.workqueue.leasing import Ending, Outcome

SHORT_SECONDS: Final = 0.001
"""Items that take less on average are counted with their mean: the logarithm for each would cost more than it tells."""


class Held:
    """A lease of `values`, delivered for the time that `attempt` says."""

    __slots__ = ("_attempt", "_clock", "_values", "items", "leased_at")

    def __init__(
        self, values: tuple[str, ...] = (), attempt: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._values = values
        self._attempt = attempt
        self._clock = clock
        self.items: list[Item] = []
        """Those that were started; all but the last have ended."""
        self.leased_at = self._clock()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def first(self) -> str:
        """The first item's line; empty without any."""
        return self._values[0] if self._values else ""

    @property
    def present(self) -> Item | None:
        """The item at hand."""
        return self.items[-1] if self.items else None

    def start_next(self) -> Item:
        """Start the next item."""
        item = Item(self._values[len(self.items)], self._attempt, self._clock())
        self.items.append(item)
        return item

    def outcomes(self) -> list[Outcome]:
        """What is to be told of the items that are not plainly done; those that were not started go back."""
        named = [Outcome(place, item.ending, item.text) for place, item in enumerate(self.items, 1) if item.ended]
        named += [Outcome(place, Ending.RETURN) for place in range(len(self.items) + 1, len(self._values) + 1)]
        return named

    def worked_seconds(self) -> float:
        """Time since the lease was taken."""
        return self._clock() - self.leased_at if self._values else 0.0

    def durations(self) -> dict[int, int]:
        """How many of the items that ended took how long, by kubejobs.durations' buckets."""
        if not self.items:
            return {}
        ends = [item.started_at for item in self.items[1:]]
        ends.append(self._clock())
        mean = (ends[-1] - self.items[0].started_at) / len(ends)
        if mean < SHORT_SECONDS:
            count = sum(item.ending is not Ending.RETURN for item in self.items)
            return {bucket_of(mean): count} if count else {}
        counts: dict[int, int] = {}
        for item, end in zip(self.items, ends, strict=True):
            if item.ending is not Ending.RETURN:
                bucket = bucket_of(end - item.started_at)
                counts[bucket] = counts.get(bucket, 0) + 1
        return counts
