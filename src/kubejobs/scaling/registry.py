"""Which policy a submission names. A new policy is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from kubejobs.errors import ConfigurationError
from kubejobs.scaling.default import DefaultPolicy
from kubejobs.scaling.limits import Bounds, Guards
from kubejobs.scaling.pid import PidPolicy
from kubejobs.scaling.policy import Policy
from kubejobs.submission.model import Scaling


def _bounds(scaling: Scaling) -> Bounds:
    return Bounds(scaling.min_replicas, scaling.max_replicas)


def _default(scaling: Scaling) -> Policy:
    return DefaultPolicy(_bounds(scaling), scaling.actuation_size, scaling.trigger_up, scaling.trigger_down)


def _pid(scaling: Scaling) -> Policy:
    return PidPolicy(
        _bounds(scaling),
        scaling.proportional_gain,
        scaling.derivative_gain,
        scaling.integral_gain,
        scaling.integral_limit,
    )


POLICIES: dict[str, Callable[[Scaling], Policy]] = {"default": _default, "pid": _pid}


def policy_for(scaling: Scaling) -> Policy:
    """The submission's policy, with its bounds and parameters; a ConfigurationError if there is none of that name."""
    try:
        build = POLICIES[scaling.policy]
    except KeyError as error:
        known = ", ".join(sorted(POLICIES))
        raise ConfigurationError(f"scaling.policy is {scaling.policy!r}; it must be one of: {known}") from error
    return build(scaling)


def guards_for(scaling: Scaling) -> Guards:
    """The guards that the submission switches on."""
    return Guards(hold_when_nothing_queued=scaling.hold_when_nothing_queued)
