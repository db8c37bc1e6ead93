"""The policy `default`: one step up when behind, one step down when ahead.

With the error e = progress - elapsed/expected (positive: ahead), as in Asperathos' scheduler `default`:

    e > 0 and  e  >= trigger_down:  max(replicas - actuation_size, min_replicas)
    e < 0 and |e| >= trigger_up:    min(replicas + actuation_size, max_replicas)
    otherwise:                      replicas
"""

from __future__ import annotations

from dataclasses import dataclass

from kubejobs.scaling.limits import Bounds
from kubejobs.scaling.types import Decision, Observation, PolicyState, Reason


@dataclass(frozen=True, slots=True)
class DefaultPolicy:
    """`step` is in replicas; the triggers are shares of the work (0.1 = 10 %)."""

    bounds: Bounds
    step: int
    trigger_up: float
    trigger_down: float

    def decide(self, observation: Observation, state: PolicyState) -> tuple[Decision, PolicyState]:
        """One step towards the deadline; nothing is remembered."""
        error = observation.error
        replicas, reason = self._step(error, observation.desired_replicas)
        return Decision(replicas, reason, self._message(observation, replicas)), state

    def _step(self, error: float, replicas: int) -> tuple[int, Reason]:
        if error > 0 and error >= self.trigger_down:
            lower = max(replicas - self.step, self.bounds.minimum)
            return lower, Reason.AHEAD_OF_DEADLINE if lower < replicas else Reason.AT_MINIMUM
        if error < 0 and -error >= self.trigger_up:
            higher = min(replicas + self.step, self.bounds.maximum)
            return higher, Reason.BEHIND_DEADLINE if higher > replicas else Reason.AT_MAXIMUM
        return replicas, Reason.WITHIN_TRIGGERS if error else Reason.ON_TIME

    def _message(self, observation: Observation, replicas: int) -> str:
        return (
            f"{observation.progress:.1%} of the work in {observation.reference:.1%} of the time: "
            f"error {observation.error:+.4f} (triggers: up {self.trigger_up:g}, down {self.trigger_down:g}), "
            f"replicas {observation.desired_replicas} → {replicas}"
        )
