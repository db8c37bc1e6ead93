"""The policy `default`, decision for decision as the original defines it."""

from __future__ import annotations

import pytest

from kubejobs.scaling.registry import policy_for
from kubejobs.scaling.types import PolicyState, Reason
from kubejobs.submission.model import Scaling
from support.observations import observation


@pytest.mark.parametrize(
    ("done", "elapsed", "replicas", "options", "expected", "reason"),
    [
        (50, 60, 3, {}, 4, Reason.BEHIND_DEADLINE),
        (50, 40, 3, {}, 2, Reason.AHEAD_OF_DEADLINE),
        (50, 50, 3, {}, 3, Reason.ON_TIME),
        (50, 60, 10, {}, 10, Reason.AT_MAXIMUM),
        (50, 40, 1, {}, 1, Reason.AT_MINIMUM),
        (50, 60, 9, {"actuation_size": 5}, 10, Reason.BEHIND_DEADLINE),
        (50, 40, 3, {"actuation_size": 5}, 1, Reason.AHEAD_OF_DEADLINE),
        (50, 60, 3, {"trigger_up": 0.2}, 3, Reason.WITHIN_TRIGGERS),
        (50, 40, 3, {"trigger_down": 0.2}, 3, Reason.WITHIN_TRIGGERS),
        (50, 75, 3, {"trigger_up": 0.25}, 4, Reason.BEHIND_DEADLINE),
        (75, 50, 3, {"trigger_down": 0.25}, 2, Reason.AHEAD_OF_DEADLINE),
        (50, 50, 12, {}, 12, Reason.ON_TIME),
        (50, 60, 12, {}, 10, Reason.AT_MAXIMUM),
        (0, 90_000, 3, {}, 4, Reason.BEHIND_DEADLINE),
        (100, 50, 3, {}, 2, Reason.AHEAD_OF_DEADLINE),
    ],
    ids=[
        "behind",
        "ahead",
        "exactly-on-time",
        "behind-at-maximum",
        "ahead-at-minimum",
        "last-step-up-is-cut",
        "last-step-down-is-cut",
        "behind-within-trigger",
        "ahead-within-trigger",
        "behind-at-trigger",
        "ahead-at-trigger",
        "above-maximum-unchanged",
        "above-maximum-brought-back",
        "more-than-a-day",
        "all-done",
    ],
)
def test_decides(
    done: int, elapsed: float, replicas: int, options: dict[str, float], expected: int, reason: Reason
) -> None:
    """One step towards the deadline, at or beyond the trigger, within the bounds."""
    policy = policy_for(Scaling(policy="default", **options))
    decision, state = policy.decide(observation(done=done, elapsed=elapsed, replicas=replicas), PolicyState())
    assert (decision.replicas, decision.reason) == (expected, reason)
    assert state == PolicyState()


def test_leased_items_are_not_done() -> None:
    """Items in work count as undone, failed and dead ones as done with."""
    policy = policy_for(Scaling(policy="default"))
    seen = observation(done=20, failed=10, dead=10, leased=40, elapsed=50)
    assert seen.progress == pytest.approx(0.4)
    assert policy.decide(seen, PolicyState())[0].reason is Reason.BEHIND_DEADLINE


def test_the_message_has_the_numbers() -> None:
    """Progress, time, error and both sizes are in the message."""
    message = policy_for(Scaling()).decide(observation(done=50, elapsed=60, replicas=3), PolicyState())[0].message
    assert all(part in message for part in ("50.0%", "60.0%", "-0.1000", "3 → 4"))
