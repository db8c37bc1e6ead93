"""The bounds and guards around every policy."""

from __future__ import annotations

import pytest

from kubejobs.scaling.limits import Bounds, Guards, guarded
from kubejobs.scaling.types import Decision, Observation, Reason
from support.observations import observation

UP = Decision(5, Reason.BEHIND_DEADLINE, "behind")
DOWN = Decision(1, Reason.AHEAD_OF_DEADLINE, "ahead")
SAME = Decision(3, Reason.ON_TIME, "on time")


@pytest.mark.parametrize(("asked", "given"), [(0, 2), (2, 2), (5, 5), (9, 9), (10, 9)])
def test_bounds_clamp(asked: int, given: int) -> None:
    """A number outside the bounds becomes the nearer bound."""
    assert Bounds(2, 9).clamp(asked) == given


@pytest.mark.parametrize(
    ("decision", "seen", "guards", "replicas", "reason"),
    [
        (UP, observation(), Guards(), 5, Reason.BEHIND_DEADLINE),
        (UP, observation(succeeded=1), Guards(), 3, Reason.WORKERS_FINISHING),
        (DOWN, observation(succeeded=1), Guards(), 1, Reason.AHEAD_OF_DEADLINE),
        (UP, observation(unschedulable=2), Guards(), 5, Reason.CAPACITY_LIMITED),
        (SAME, observation(unschedulable=2), Guards(), 3, Reason.ON_TIME),
        (UP, observation(done=90, leased=10), Guards(), 5, Reason.BEHIND_DEADLINE),
        (UP, observation(done=90, leased=10), Guards(hold_when_nothing_queued=True), 3, Reason.NOTHING_QUEUED),
        (UP, observation(), Guards(hold_when_nothing_queued=True), 5, Reason.BEHIND_DEADLINE),
    ],
    ids=[
        "nothing-in-the-way",
        "a-worker-has-finished",
        "down-after-a-worker-has-finished",
        "no-room",
        "no-room-no-change",
        "nothing-queued-original",
        "nothing-queued-held",
        "something-queued",
    ],
)
def test_guards(decision: Decision, seen: Observation, guards: Guards, replicas: int, reason: Reason) -> None:
    """Only a decision to add workers is held or marked, and the message keeps what the policy had said."""
    result = guarded(decision, seen, guards)
    assert (result.replicas, result.reason) == (replicas, reason)
    assert result.reason is decision.reason or str(decision.reason) in result.message or "behind" in result.message
