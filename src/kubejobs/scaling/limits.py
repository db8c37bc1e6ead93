"""What holds for every policy: the bounds, and guards that look at a decision before it is acted upon.

Rule: a guard never asks for more than the policy did. Without options the guards change nothing that Kubernetes would
have done: the original's policies stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kubejobs.scaling.types import Decision, Observation, Reason


@dataclass(frozen=True, slots=True)
class Bounds:
    """Fewest and most replicas that a policy may ask for."""

    minimum: int
    maximum: int

    def clamp(self, replicas: int) -> int:
        """`replicas`, or the nearer bound."""
        return max(min(replicas, self.maximum), self.minimum)


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards that are options.

    `hold_when_nothing_queued`: add no replica while no item waits for one. The original adds them all the same.
    """

    hold_when_nothing_queued: bool = False


def guarded(decision: Decision, observation: Observation, guards: Guards) -> Decision:
    """The decision that is acted upon; only a decision to add replicas is ever touched."""
    if decision.replicas <= observation.desired_replicas:
        return decision
    if observation.succeeded_pods:
        return _held(
            decision,
            observation,
            Reason.WORKERS_FINISHING,
            f"{observation.succeeded_pods} workers have finished, so Kubernetes starts no new ones for this Job",
        )
    if guards.hold_when_nothing_queued and not observation.queued:
        return _held(decision, observation, Reason.NOTHING_QUEUED, "no item is queued for another worker")
    if observation.unschedulable_pods:
        return replace(
            decision,
            reason=Reason.CAPACITY_LIMITED,
            message=f"{decision.message}; the cluster has no room for {observation.unschedulable_pods} pods so far",
        )
    return decision


def _held(decision: Decision, observation: Observation, reason: Reason, why: str) -> Decision:
    replicas = observation.desired_replicas
    return Decision(replicas, reason, f"{why}: held at {replicas} ({decision.reason} asked for {decision.replicas})")
