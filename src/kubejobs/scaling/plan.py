"""How many replicas an outlook calls for, and how many would still do.

Rule: pure. A change is called for only outside a band around the aim: later than its end more replicas are needed,
earlier than its begin fewer do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kubejobs.scaling.reserve import Outlook, Reserve, replicas_to_end, reserve_for

LATE_BAND: Final = 0.377
"""Share of the time between the aim and the latest end by which a projected end may miss the aim."""
EARLY_BAND: Final = 0.8
"""Fewer replicas are taken only if they end the work in this share of the time to the aim."""
ROUND_UP: Final = 0.4
"""Replicas added before rounding up: a whole number a little above the need saves changes."""
FEWER_BY: Final = 1.0
"""Replicas by which the need has to lie below what there is before fewer are taken."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Replicas, not rounded: for the aim, for the latest end that is good enough, for the earliest that makes sense.

    `end_seconds` is the projected end with the present replicas, `earliest_seconds` that with the most; both are times
    of the run's clock and include the last items.
    """

    reserve: Reserve
    needed: float
    needed_late: float
    needed_early: float
    end_seconds: float
    earliest_seconds: float

    @property
    def replicas(self) -> float:
        """Whole replicas for the aim; infinite if no number will do."""
        return max(0.0, math.ceil(self.needed + ROUND_UP)) if math.isfinite(self.needed) else math.inf

    def more(self, replicas: int) -> bool:
        """Whether `replicas` are too few."""
        return self.needed_late > replicas

    def fewer(self, replicas: int) -> bool:
        """Whether fewer than `replicas` do."""
        return self.needed_early <= replicas - FEWER_BY


def plan_for(outlook: Outlook) -> Plan:
    """The plan of an outlook."""
    reserve, now = reserve_for(outlook), outlook.elapsed_seconds
    aim, lag = reserve.aim_seconds, outlook.lag_seconds
    late = aim + LATE_BAND * max(outlook.expected_seconds - reserve.tail_seconds - aim, 0.0)
    early = now + (aim - now) * EARLY_BAND
    pace = outlook.ready_replicas * outlook.availability
    return Plan(
        reserve,
        needed=replicas_to_end(outlook, aim, lag),
        needed_late=replicas_to_end(outlook, late, lag),
        needed_early=replicas_to_end(outlook, early, 0.0),
        end_seconds=now + outlook.work_seconds / pace + outlook.item_seconds if pace else math.inf,
        earliest_seconds=_earliest(outlook),
    )


def _earliest(outlook: Outlook) -> float:
    """The end if the most replicas were asked for now: the present ones work alone until those have started."""
    work, ready, lag = outlook.work_seconds, outlook.ready_replicas, outlook.lag_seconds
    alone = lag if ready < outlook.most_replicas else 0.0
    if work <= ready * alone:
        return outlook.elapsed_seconds + work / ready + outlook.item_seconds / 2
    return outlook.elapsed_seconds + alone + (work - ready * alone) / outlook.full_pace + outlook.item_seconds / 2
