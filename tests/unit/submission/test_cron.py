"""Cron expressions: the check agrees with the library that Airflow uses."""

from __future__ import annotations

import pytest
from croniter import croniter

from kubejobs.submission.cron import PRESETS, cron_problem

GOOD = ["* * * * *", "0 4 * * *", "*/15 0-6,22 1,15 jan-mar mon-fri", "59 23 31 12 7", "0 0 * * SUN", "1-30/2 * * * *"]
BAD = [
    "",
    "x",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "5-1 * * * *",
    "*/0 * * * *",
    "*-5 * * * *",
]
STRANGE = ["* * * *", "* * * * * * *", "a b c d e", "1,,2 * * * *", "\uff11 * * * *", "@", "@never"]


@pytest.mark.parametrize("text", GOOD)
def test_a_good_expression_has_no_problem(text: str) -> None:
    """What is accepted here is accepted there."""
    assert cron_problem(text) is None
    assert croniter.is_valid(text)


@pytest.mark.parametrize("text", BAD + STRANGE)
def test_a_bad_expression_has_a_problem(text: str) -> None:
    """What is wrong is refused with words."""
    assert cron_problem(text)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_are_accepted(preset: str) -> None:
    """Airflow's presets are schedules."""
    assert cron_problem(preset) is None
