"""The policy `pid`: a proportional-integral-derivative controller on the error.

With the error e = progress - elapsed/expected (positive: ahead), as in Asperathos' scheduler `pid`:

    replicas + int(-Kp·e - Kd·Δe - Ki·Σe), clamped to the bounds

where Δe is 0 at the first decision and Σe includes this one. `int` cuts towards zero, so small gains never act. The
original lets Σe grow without bound; `integral_limit` bounds it, and then an error that the cluster's lack of room keeps
from being answered is not added either (Åström and Hägglund, Advanced PID Control, 2006, section 3.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kubejobs.scaling.limits import Bounds
from kubejobs.scaling.types import Decision, Observation, PolicyState, Reason

_LAST_ERROR = "last_error"
_ERROR_SUM = "error_sum"
_LARGEST_ACTION = 1e9


@dataclass(frozen=True, slots=True)
class PidPolicy:
    """The gains are in replicas per unit of error; `integral_limit` is in units of error, None as in the original."""

    bounds: Bounds
    proportional_gain: float
    derivative_gain: float
    integral_gain: float
    integral_limit: float | None = None

    def decide(self, observation: Observation, state: PolicyState) -> tuple[Decision, PolicyState]:
        """The controller's action on top of the present replicas; remembers the error and the errors' sum."""
        error = observation.error
        last_error = state.values.get(_LAST_ERROR)
        change = 0.0 if last_error is None else error - last_error
        error_sum = self._sum(observation, state.values.get(_ERROR_SUM, 0.0))
        action = _whole(
            -self.proportional_gain * error - self.derivative_gain * change - self.integral_gain * error_sum
        )
        replicas = self.bounds.clamp(observation.desired_replicas + action)
        message = (
            f"{observation.progress:.1%} of the work in {observation.reference:.1%} of the time: error {error:+.4f}, "
            f"change {change:+.4f}, sum {error_sum:+.4f}, action {action:+d}, "
            f"replicas {observation.desired_replicas} → {replicas}"
        )
        remembered = PolicyState({_LAST_ERROR: error, _ERROR_SUM: error_sum})
        return Decision(replicas, _reason(observation.desired_replicas, action, replicas), message), remembered

    def _sum(self, observation: Observation, before: float) -> float:
        after = before + observation.error
        if self.integral_limit is None:
            return after
        if observation.unschedulable_pods and observation.error < 0:
            return before
        return max(-self.integral_limit, min(after, self.integral_limit))


def _whole(action: float) -> int:
    """`int(action)`, also where huge gains overflow: the bounds clamp the result anyway."""
    if math.isnan(action):
        return 0
    return int(max(-_LARGEST_ACTION, min(action, _LARGEST_ACTION)))


def _reason(before: int, action: int, after: int) -> Reason:
    if action == 0 and after == before:
        return Reason.PID_HELD
    if after == before + action:
        return Reason.PID_ACTION
    return Reason.AT_MAXIMUM if after < before + action else Reason.AT_MINIMUM
