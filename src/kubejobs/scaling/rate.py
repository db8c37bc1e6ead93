"""How long an item keeps a replica busy, from counts alone.

Rule: sums only; what it costs does not depend on the number of items, and workers that tell no durations will do.

The mean time of an item is busy replica-seconds over items, where an item in progress counts as half an item: for a
replica found busy at any moment, about half of its item is behind it. Two readings of that ratio are kept:

- a slow one over most of the run, which is steady;
- recent ones over a few time scales, of which the *least* time that they still make likely counts. With B busy seconds
  and C completions, a Poisson count below which C falls rarely is C + z·sqrt(C + 1/4) (the square-root transform: F. J.
  Anscombe, "The transformation of Poisson, binomial and negative-binomial data", Biometrika 35, 1948), so items take
  at least B / (C + z·sqrt(C + 1/4)). A slow stretch is seen within a few items, and chance alone seldom looks like one.

The estimate is the larger of both, so good news are believed slowly and bad ones at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

HALF_DONE: Final = 0.46
"""Items that an item in progress counts for: near 1/2, as above."""
FEWEST_ITEMS: Final = 0.3
"""Least number of items that a time is divided by, so that the first seconds give no absurd mean."""
SLOW_SHARE: Final = 0.84
"""Time constant of the slow reading, in expected times of the run: it forgets about 60 % of the start by the end."""
RECENT_ITEM_TIMES: Final = 2.0
"""Shortest time constant of the recent readings, in times of an item."""
RECENT_LOOKS: Final = 0.7
"""The same in looks, where the loop looks more seldom than items end."""
SCALE_STEP: Final = 3.4
"""From one recent reading's time constant to the next."""
SCALES: Final = 4
"""Recent readings: the longest spans some eighty times of an item."""
PRIOR_ITEMS: Final = 0.8
"""Items of the slow reading's mean that each recent reading starts from."""
SIGNIFICANCE: Final = 1.0
"""z above: one standard deviation. Higher is calmer and later."""
UNKNOWN_SHARE: Final = 0.05
"""Time of an item while none is known, as a share of the run's expected time; only spans of averages hang on it."""
STRETCH_AHEAD: Final = 40.0
"""Times its length so far, in items, that a slow stretch is taken to go on at most: a short one early in a long list is
no reason to double the replicas, near the end of the list it is."""
LARGEST_SLOWDOWN: Final = 6.0
"""Recent over slow reading is not believed beyond this."""
RESTART_ITEMS: Final = 4.0
"""Items that a mean from before the memory began (a restart) counts for."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Busy replica-seconds and ended items: slowly decayed, on recent scales, and since the start."""

    slow_seconds: float = 0.0
    slow_items: float = 0.0
    recent_seconds: tuple[float, ...] = (0.0,) * SCALES
    recent_items: tuple[float, ...] = (0.0,) * SCALES
    busy: float = 0.0
    total_seconds: float = 0.0
    total_items: float = 0.0

    @property
    def known(self) -> bool:
        """Whether any item has ended."""
        return self.slow_items > 0

    @property
    def mean_seconds(self) -> float:
        """Mean time of an item by the slow reading; 0 while nothing has been busy."""
        return self.slow_seconds / max(self.slow_items + HALF_DONE * self.busy, FEWEST_ITEMS)

    @property
    def age_seconds(self) -> float:
        """Busy seconds for each item in progress, which is their mean age while none has ended."""
        return self.slow_seconds / max(self.busy, 1.0)

    def slowdown(self, items_left: float) -> float:
        """How much longer than the mean those left are likely to take, as far as chance does not explain it: 1 to 6."""
        mean = self.mean_seconds
        if mean <= 0:
            return 1.0
        recent = max(
            self._at_least(seconds, items, mean, items_left)
            for seconds, items in zip(self.recent_seconds, self.recent_items, strict=True)
        )
        return max(1.0, min(LARGEST_SLOWDOWN, recent / mean))

    def _at_least(self, seconds: float, items: float, mean: float, items_left: float) -> float:
        busy = seconds + PRIOR_ITEMS * mean
        least = busy / (items + PRIOR_ITEMS + SIGNIFICANCE * math.sqrt(items + 0.25))
        share = min(1.0, STRETCH_AHEAD * (items + self.busy) / max(items_left, 1.0))
        return mean + max(0.0, least - mean) * share

    def started(self, mean_seconds: float, busy: float) -> Rate:
        """The rate at the first look of a loop: what is known from before counts for a few items."""
        return Rate(slow_seconds=RESTART_ITEMS * mean_seconds, slow_items=RESTART_ITEMS, busy=busy)

    def after(self, seconds: float, busy: float, ended: float, expected_seconds: float) -> Rate:
        """The rate after another `seconds`: `busy` replicas hold an item now and `ended` items have ended since."""
        worked = (self.busy + busy) / 2 * seconds
        slow = math.exp(-seconds / (SLOW_SHARE * expected_seconds))
        mean = self.mean_seconds or UNKNOWN_SHARE * expected_seconds
        shortest = max(RECENT_ITEM_TIMES * mean, RECENT_LOOKS * seconds)
        kept = [math.exp(-seconds / (shortest * SCALE_STEP**scale)) for scale in range(SCALES)]
        return Rate(
            slow_seconds=self.slow_seconds * slow + worked,
            slow_items=self.slow_items * slow + ended,
            recent_seconds=tuple(k * v + worked for k, v in zip(kept, self.recent_seconds, strict=True)),
            recent_items=tuple(k * v + ended for k, v in zip(kept, self.recent_items, strict=True)),
            busy=busy,
            total_seconds=self.total_seconds + worked,
            total_items=self.total_items + ended,
        )
