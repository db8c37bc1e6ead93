"""Which policies and actuators there are."""

from __future__ import annotations

from typing import get_args

import pytest

from kubejobs.control.actuators.registry import ACTUATORS, actuator_for
from kubejobs.errors import ConfigurationError
from kubejobs.scaling.registry import POLICIES, guards_for, policy_for
from kubejobs.submission.model import Scaling


@pytest.mark.parametrize(("field", "registry"), [("policy", POLICIES), ("actuator", ACTUATORS)])
def test_what_a_submission_may_name_is_what_there_is(field: str, registry: dict[str, object]) -> None:
    """The submission's choices and the registry's names are the same."""
    assert set(get_args(Scaling.model_fields[field].annotation)) == set(registry)


@pytest.mark.parametrize(("field", "build"), [("policy", policy_for), ("actuator", actuator_for)])
def test_an_unknown_name_is_an_error_that_lists_the_known(field: str, build: object) -> None:
    """The message has the value and the names that would be right."""
    scaling = Scaling.model_construct(**(Scaling().model_dump() | {field: "best"}))
    with pytest.raises(ConfigurationError, match=r"'best'.*one of: .*(default, pid|k8s_replicas, nop)"):
        build(scaling)  # type: ignore[operator]


def test_guards_come_from_the_submission() -> None:
    """The option is off unless the submission sets it."""
    assert not guards_for(Scaling()).hold_when_nothing_queued
    assert guards_for(Scaling(hold_when_nothing_queued=True)).hold_when_nothing_queued
