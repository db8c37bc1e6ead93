"""What the cluster gives: how long a new replica takes, and what share of the replicas is at work.

Rule: measured in this run; nothing is asked of the cluster that the counts do not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kubejobs.scaling.look import Look

LAG_PRIOR_SECONDS: Final = 25.0
"""Time from a replica's creation to its readiness until some have been seen: a cached image and a short start."""
LAG_PRIOR_STARTS: Final = 2.0
"""Starts that the prior counts for."""
SETTLED_LAGS: Final = 2.0
"""Replicas that are missing so many lags after a change are not starting, they are away."""
LEAST_AVAILABILITY: Final = 0.4
"""A worse share is an outage rather than the way this run goes; it is not planned with."""
AVAILABILITY_PRIOR_SHARE: Final = 0.05
"""Replica-seconds of full availability to begin with, as a share of the expected time."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Sums over the run, in replica-seconds: spent starting, ready and wanted once settled; and starts seen."""

    pending_seconds: float = 0.0
    starts: float = 0.0
    settled_seconds: float = 0.0
    given_seconds: float = 0.0
    wanted_seconds: float = 0.0

    @property
    def lag_seconds(self) -> float:
        """Mean time from creation to readiness: pending replica-seconds over starts (Little's law)."""
        return (self.pending_seconds + LAG_PRIOR_STARTS * LAG_PRIOR_SECONDS) / (self.starts + LAG_PRIOR_STARTS)

    def waiting_seconds(self, pending: int) -> float:
        """The same with the pending replicas counted as starts: a bound when they may never start."""
        starts = self.starts + LAG_PRIOR_STARTS + pending
        return (self.pending_seconds + LAG_PRIOR_STARTS * LAG_PRIOR_SECONDS) / starts

    def availability(self, expected_seconds: float) -> float:
        """Share of the replicas that are ready when none has reason to be starting, 0.4 to 1."""
        prior = AVAILABILITY_PRIOR_SHARE * expected_seconds
        share = (self.given_seconds + prior) / (self.wanted_seconds + prior)
        return max(LEAST_AVAILABILITY, min(share, 1.0))

    def after(self, before: Look, now: Look, *, limited: bool) -> Supply:
        """The supply after another look; `limited`: some replicas find no room, so their waiting tells nothing."""
        seconds = now.elapsed_seconds - before.elapsed_seconds
        pending = 0.0 if limited else (now.pending + before.pending) / 2 * seconds
        settled = self.settled_seconds + seconds if now.desired == before.desired else 0.0
        started = Supply(
            pending_seconds=self.pending_seconds + pending,
            starts=self.starts + max(0, now.ready - before.ready),
        )
        counted = seconds if settled > SETTLED_LAGS * started.lag_seconds and not limited else 0.0
        return Supply(
            pending_seconds=started.pending_seconds,
            starts=started.starts,
            settled_seconds=settled,
            given_seconds=self.given_seconds + now.ready * counted,
            wanted_seconds=self.wanted_seconds + now.desired * counted,
        )
