"""Whatever comes in: a SubmissionError with problems or a Submission, never another exception, never a secret."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubejobs.errors import SubmissionError
from kubejobs.submission.model import Submission
from kubejobs.submission.parse import location_of_cleanup, parse_submission
from support.submissions import DOCUMENTS, PASSWORD, PRODUCT, USERNAME

Path = tuple[str | int, ...]

JUNK: dict[str, Any] = {
    "object": {"zz": {"zz": 1}},
    "list": [[]],
    "number": -1.5,
    "infinity": math.inf,
    "huge": 10**400,
    "control characters": "\x00\x1b",
    "surrogate": "\udfff",
}


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every value in a JSON document, but for the two that are never looked at and free objects."""
    if path and path[-1] in {"username", "password", "visualizer_info"}:
        return
    yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaves(child, (*path, key))
    elif isinstance(value, list):
        for position, child in enumerate(value):
            yield from leaves(child, (*path, position))


def replaced(conf: dict[str, Any], path: Path, value: Any) -> Any:
    """A copy of `conf` with the value at `path` replaced."""
    if not path:
        return value
    copied = copy.deepcopy(conf)
    place: Any = copied
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return copied


def secretless(error: SubmissionError) -> bool:
    """Whether neither of the credentials is in the error."""
    return not any(secret in f"{error} {error.problems!r}" for secret in (USERNAME, PASSWORD))


MALFORMED = [
    pytest.param(replaced(conf, path, junk), id=f"{name}-{'.'.join(map(str, path))}-{kind}")
    for name, conf in (("product", PRODUCT), ("documents", DOCUMENTS))
    for path in leaves(conf)
    for kind, junk in JUNK.items()
    if not (kind == "number" and path[-1:] == ("LOG_LEVEL",))  # a number is fine there
]


def test_there_are_at_least_two_hundred_malformed_submissions() -> None:
    """The table below is as large as it claims to be."""
    assert len(MALFORMED) >= 200


@pytest.mark.parametrize("conf", MALFORMED)
def test_junk_in_any_place_is_a_problem_by_field(conf: Any) -> None:
    """A wrong value anywhere in a valid submission is reported by field, without secrets."""
    with pytest.raises(SubmissionError) as caught:
        parse_submission(conf)
    assert caught.value.problems
    assert all(problem.field and problem.message for problem in caught.value.problems)
    assert secretless(caught.value)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "pid", "nop", "1Gi"]),
)
NAMES = st.sampled_from(sorted({*PRODUCT, *DOCUMENTS["plugin_info"], "plugin", "plugin_info", "items", "max_replicas"}))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


def outcome(conf: Any) -> Submission | SubmissionError:
    """What parsing makes of `conf`; any other exception fails the test."""
    try:
        return parse_submission(conf)
    except SubmissionError as error:
        return error


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conf=st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=8) | JSON)
def test_arbitrary_json_gives_a_submission_or_its_problems(conf: Any) -> None:
    """No JSON of any kind makes parsing or cleanup's look at it raise anything else."""
    result = outcome(conf)
    assert isinstance(result, Submission) or result.problems
    cluster, _ = location_of_cleanup(conf)
    assert isinstance(cluster, str)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_submissions_never_show_a_secret(data: st.DataObject) -> None:
    """A valid submission with some values replaced by others gives problems without its credentials."""
    conf: Any = DOCUMENTS
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from([path for path in leaves(conf) if path] or [()]))
        conf = replaced(conf, path, data.draw(JSON))
        if not isinstance(conf, dict):
            break
    result = outcome(conf)
    text = repr(result) + str(result)
    assert USERNAME not in text
    assert PASSWORD not in text
