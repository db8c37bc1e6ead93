"""The policy `pid`, decision for decision as the original defines it, and its documented options."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubejobs.scaling.registry import policy_for
from kubejobs.scaling.types import PolicyState, Reason
from kubejobs.submission.model import Scaling
from support.observations import observation


def sizes(steps: list[tuple[int, float]], **options: Any) -> list[int]:
    """The decisions after (done, elapsed) steps, each made; the memory goes through JSON as it does in the queue."""
    policy = policy_for(Scaling(policy="pid", **options))
    state, replicas, decided = PolicyState(), 3, []
    for done, elapsed in steps:
        decision, state = policy.decide(observation(done=done, elapsed=elapsed, replicas=replicas), state)
        state = PolicyState(json.loads(json.dumps(state.values)))
        replicas = decision.replicas
        decided.append(replicas)
    return decided


@pytest.mark.parametrize(
    ("steps", "gains", "expected"),
    [
        ([(0, 20), (0, 40)], {"proportional_gain": 10}, [5, 9]),
        ([(40, 20), (40, 30)], {"proportional_gain": 10}, [1, 1]),
        ([(0, 50), (0, 60)], {"proportional_gain": 0.1}, [3, 3]),
        ([(0, 20), (0, 30), (30, 30)], {"derivative_gain": 21}, [3, 5, 1]),
        ([(0, 10), (0, 10), (0, 10)], {"integral_gain": 10}, [4, 6, 9]),
        ([(0, 15)], {"proportional_gain": 10}, [4]),
        ([(15, 0)], {"proportional_gain": 10}, [2]),
        ([(50, 50)], {"proportional_gain": 10, "derivative_gain": 10, "integral_gain": 10}, [3]),
    ],
    ids=[
        "proportional",
        "clamped-at-minimum",
        "documented-gain-never-acts",
        "first-change-is-0",
        "sum-includes-this-error",
        "cut-towards-0-upwards",
        "cut-towards-0-downwards",
        "on-time",
    ],
)
def test_decides(steps: list[tuple[int, float]], gains: dict[str, float], expected: list[int]) -> None:
    """Replicas + int(-Kp·e - Kd·Δe - Ki·Σe), clamped."""
    assert sizes(steps, **gains) == expected


def test_without_a_limit_the_sum_winds_up_as_in_the_original() -> None:
    """After a long time behind, the sum keeps adding workers although the run is ahead; the limit mends that."""
    steps = [(0, 30)] * 10 + [(60, 30)] * 3
    assert sizes(steps, integral_gain=5)[-1] == 10
    assert sizes(steps, integral_gain=5, integral_limit=0.4)[-1] < 10


def test_with_a_limit_a_lack_of_room_is_not_summed() -> None:
    """While pods find no room an error that they would answer is left out of the sum, if a limit is set."""
    behind = observation(done=0, elapsed=30, unschedulable=2)
    free = policy_for(Scaling(policy="pid", integral_gain=1))
    limited = policy_for(Scaling(policy="pid", integral_gain=1, integral_limit=5))
    assert free.decide(behind, PolicyState())[1].values["error_sum"] == pytest.approx(-0.3)
    assert limited.decide(behind, PolicyState())[1].values["error_sum"] == 0


@pytest.mark.parametrize(
    ("done", "elapsed", "replicas", "reason"),
    [
        (50, 50, 3, Reason.PID_HELD),
        (0, 20, 3, Reason.PID_ACTION),
        (0, 90, 9, Reason.AT_MAXIMUM),
        (90, 0, 2, Reason.AT_MINIMUM),
    ],
    ids=["held", "acts", "maximum", "minimum"],
)
def test_says_why(done: int, elapsed: float, replicas: int, reason: Reason) -> None:
    """The reason tells an action from a bound."""
    policy = policy_for(Scaling(policy="pid", proportional_gain=10))
    assert policy.decide(observation(done=done, elapsed=elapsed, replicas=replicas), PolicyState())[0].reason is reason


@given(
    st.floats(-1e308, 1e308), st.floats(-1e308, 1e308), st.floats(-1e308, 1e308), st.integers(0, 100), st.floats(0, 1e6)
)
def test_any_gains_stay_within_the_bounds(kp: float, kd: float, ki: float, done: int, elapsed: float) -> None:
    """Gains so large that their products overflow still give a number of workers within the bounds."""
    decided = sizes(
        [(0, 10.0), (done, elapsed)], proportional_gain=kp, derivative_gain=kd, integral_gain=ki, max_replicas=7
    )
    assert all(1 <= replicas <= 7 for replicas in decided)
