"""What happens to the items besides the work: some are lost with their workers, some arrive later.

Rule: from counts. Items in progress beyond the replicas that could hold one belong to workers that are gone; they are
done again once their lease is over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kubejobs.scaling.look import Look

ARRIVAL_SHARE: Final = 0.05
"""Time constant of the arrival rate, as a share of the expected time."""
ARRIVAL_LOOKS: Final = 3.0
"""The same in looks, where those are rare."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Items lost so far, how long they lay without a worker, and how items arrive."""

    lost: int = 0
    orphan_seconds: float = 0.0
    arrivals_per_second: float = 0.0
    arriving_share: float = 0.0

    @property
    def trickle_per_second(self) -> float:
        """Rate at which items keep arriving; a single batch, which says nothing about the next, counts little."""
        return self.arrivals_per_second * self.arriving_share

    def after(self, before: Look, now: Look, expected_seconds: float) -> Flow:
        """The flow after another look."""
        seconds = now.elapsed_seconds - before.elapsed_seconds
        span = max(ARRIVAL_SHARE * expected_seconds, ARRIVAL_LOOKS * seconds)
        kept, arrived = math.exp(-seconds / span), now.total - before.total
        return Flow(
            lost=self.lost + max(0, now.orphans - before.orphans),
            orphan_seconds=self.orphan_seconds + now.orphans * seconds,
            arrivals_per_second=self.arrivals_per_second * kept + arrived / span,
            arriving_share=self.arriving_share * kept + (1 - kept if arrived > 0 else 0.0),
        )
