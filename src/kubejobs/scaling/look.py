"""The counts of one look that the next one is compared with.

Rule: a look is small and goes into the policy's memory; everything else of an observation is used when it is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubejobs.scaling.types import Observation


@dataclass(frozen=True, slots=True)
class Look:
    """Counts at `elapsed_seconds`, which is negative when nothing has been seen yet."""

    elapsed_seconds: float = -1.0
    total: int = 0
    ended: int = 0
    leased: int = 0
    desired: int = 0
    ready: int = 0
    pending: int = 0
    terminating: int = 0
    unschedulable: int = 0

    @classmethod
    def of(cls, observation: Observation) -> Look:
        """The look that made an observation."""
        return cls(
            elapsed_seconds=observation.elapsed_seconds,
            total=observation.total,
            ended=observation.done + observation.failed + observation.dead,
            leased=observation.leased,
            desired=observation.desired_replicas,
            ready=observation.ready_replicas,
            pending=observation.pending_replicas,
            terminating=observation.terminating_replicas,
            unschedulable=observation.unschedulable_pods,
        )

    @property
    def seen(self) -> bool:
        """Whether this is a look at all."""
        return self.elapsed_seconds >= 0

    @property
    def busy(self) -> int:
        """Replicas that can hold an item and, by the items in progress, do."""
        return min(self.ready + self.terminating, self.leased)

    @property
    def orphans(self) -> int:
        """Items in progress beyond the replicas that could hold one: their workers are gone."""
        return max(0, self.leased - self.ready - self.terminating)
