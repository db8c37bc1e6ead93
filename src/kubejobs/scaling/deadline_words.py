"""The sentence that explains a decision of the policy `deadline`.

Rule: the numbers that decided, with their units, in one line of a log.
"""

from __future__ import annotations

import math

from kubejobs.scaling.plan import Plan
from kubejobs.scaling.reserve import Outlook
from kubejobs.scaling.types import Observation


def because(seen: Observation, outlook: Outlook, plan: Plan, replicas: int) -> str:
    """What is left, when it ends with the present replicas and with the most, what is aimed at, and the change."""
    return (
        f"{seen.queued} items queued and {seen.leased} in progress at {outlook.item_seconds:.3g} s each: "
        f"ends at {_seconds(plan.end_seconds)} of {outlook.expected_seconds:.0f} s with {seen.ready_replicas} ready "
        f"replicas, at {_seconds(plan.earliest_seconds)} with {outlook.most_replicas}; "
        f"aim {plan.reserve.aim_seconds:.0f} s (reserve for {plan.reserve.surprise:.0%} more work, "
        f"{plan.reserve.tail_seconds:.0f} s for the last items) needs {_number(plan.needed)}, "
        f"replicas {seen.desired_replicas} → {replicas}"
    )


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if math.isfinite(value) else "no time"


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "more than any number"
