"""How many replicas find room in the cluster.

Rule: a pod that stays pending long after it was asked for holds a place in the count and does no work, so it is given
back; room is looked for again from time to time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from kubejobs.scaling.look import Look

STUCK_LAGS: Final = 1.8
STUCK_LOOKS: Final = 3.0
"""Replicas that are still pending so many start-ups and looks after they were asked for find no room; if Kubernetes
says that they can't be scheduled, the looks will do."""
PROBE_SHARE: Final = 0.05
"""After that share of the expected time room is looked for again; twice as long each time, as a probe costs pods."""
MOST_PROBES: Final = 4


@dataclass(frozen=True, slots=True)
class Room:
    """`replicas` that fit, 0 while nothing limits them."""

    replicas: int = 0
    since_seconds: float = 0.0
    probes: int = 0
    stuck_seconds: float = 0.0

    @property
    def limited(self) -> bool:
        """Whether some replicas find no room."""
        return self.replicas > 0

    def after(self, before: Look, now: Look, lag_seconds: float, expected_seconds: float) -> Room:
        """The room after another look."""
        seconds = now.elapsed_seconds - before.elapsed_seconds
        waiting = now.pending > 0 and now.desired <= before.desired
        stuck = self.stuck_seconds + seconds if waiting else 0.0
        if self.limited:
            wait = PROBE_SHARE * expected_seconds * 2.0 ** (self.probes - 1)
            over = now.elapsed_seconds - self.since_seconds > wait
            return replace(self, stuck_seconds=stuck, replicas=0 if over else self.replicas)
        lags = 0.0 if now.unschedulable else STUCK_LAGS
        if now.ready and stuck > lags * lag_seconds + STUCK_LOOKS * seconds:
            return Room(now.ready, now.elapsed_seconds, min(self.probes + 1, MOST_PROBES))
        return replace(self, stuck_seconds=stuck)
