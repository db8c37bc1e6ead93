"""The sketch of durations: within its error of the truth, and mergeable."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubejobs.durations import GROWTH, LONGEST_SECONDS, SHORTEST_SECONDS, DurationSketch, bucket_of, seconds_of

RELATIVE_ERROR = (GROWTH - 1) / (GROWTH + 1) + 1e-9
SECONDS = st.floats(SHORTEST_SECONDS, LONGEST_SECONDS)


def sketch_of(*seconds: float) -> DurationSketch:
    """The sketch of these durations."""
    counts: dict[int, int] = {}
    for duration in seconds:
        counts[bucket_of(duration)] = counts.get(bucket_of(duration), 0) + 1
    return DurationSketch(counts)


@given(SECONDS)
def test_a_bucket_stands_for_its_durations(seconds: float) -> None:
    """The value that is read is within 4.8 % of the one that was noted."""
    assert abs(seconds_of(bucket_of(seconds)) - seconds) <= RELATIVE_ERROR * seconds


@pytest.mark.parametrize(
    ("seconds", "same_as"),
    [
        pytest.param(0.0, SHORTEST_SECONDS, id="nothing"),
        pytest.param(-1.0, SHORTEST_SECONDS, id="a clock that went back"),
        pytest.param(math.inf, LONGEST_SECONDS, id="for ever"),
    ],
)
def test_extremes_have_a_bucket(seconds: float, same_as: float) -> None:
    """What is out of range counts as the nearest that is not."""
    assert bucket_of(seconds) == bucket_of(same_as)


@given(st.lists(SECONDS, min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_near_the_true_one(durations: list[float], share: float) -> None:
    """Within the bucket's error of the duration of that rank."""
    true = sorted(durations)[math.floor(share * (len(durations) - 1))]
    found = sketch_of(*durations).quantile(share)
    assert found is not None
    assert abs(found - true) <= RELATIVE_ERROR * true


@given(st.lists(SECONDS, min_size=1, max_size=50))
def test_the_mean_is_near_the_true_one(durations: list[float]) -> None:
    """Within the bucket's error."""
    sketch = sketch_of(*durations)
    true = sum(durations) / len(durations)
    mean = sketch.mean()
    assert sketch.count == len(durations)
    assert mean is not None
    assert abs(mean - true) <= RELATIVE_ERROR * true


def test_an_empty_sketch_knows_nothing() -> None:
    """Neither mean nor quantile nor what is left."""
    sketch = DurationSketch()
    assert (sketch.count, sketch.mean(), sketch.quantile(0.5), sketch.expected_remaining(1)) == (0, None, None, None)


@pytest.mark.parametrize(
    ("age_seconds", "left"),
    [
        pytest.param(0.0, 40.0, id="at the start: the mean"),
        pytest.param(20.0, 80.0, id="past the short ones: the long ones' rest"),
        pytest.param(200.0, None, id="longer than any"),
    ],
)
def test_what_is_left_depends_on_the_age(age_seconds: float, left: float | None) -> None:
    """An item that has outlived the short ones is one of the long ones."""
    remaining = sketch_of(10, 10, 100).expected_remaining(age_seconds)
    assert remaining == (None if left is None else pytest.approx(left, rel=0.07))
