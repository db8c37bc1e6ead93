"""The deployment's settings: read from the environment, checked, with units in their names."""

from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

import pytest

from kubejobs.errors import ConfigurationError
from kubejobs.settings import PREFIX, Settings

HINTS = get_type_hints(Settings)
NUMBERS = [item.name for item in fields(Settings) if HINTS[item.name] in {int, float}]
FLAGS = [item.name for item in fields(Settings) if HINTS[item.name] is bool]


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing has to be set."""
    assert Settings.from_environment({}) == Settings()


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_says_its_unit(name: str) -> None:
    """In the setting's name, so that the variable's says it too."""
    assert name.endswith(("_seconds", "_bytes"))


@pytest.mark.parametrize("name", [item.name for item in fields(Settings)])
def test_a_setting_has_a_variable_of_its_own(name: str) -> None:
    """The prefix and the name in capitals; other settings keep their defaults."""
    text = {bool: "true", int: "7", float: "7", str: "x"}[HINTS[name]]
    settings = Settings.from_environment({PREFIX + name.upper(): text})
    changed = {item.name: getattr(settings, item.name) for item in fields(Settings)}
    expected = {item.name: item.default for item in fields(Settings)}
    assert changed == expected | {name: HINTS[name](7) if name in NUMBERS else True if name in FLAGS else "x"}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["", "many", "0", "-1", "nan", "-inf"])
def test_a_wrong_number_is_refused(name: str, text: str) -> None:
    """The error names the variable and its value."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({PREFIX + name.upper(): text})
    assert str(caught.value).startswith(f"{PREFIX}{name.upper()} is {text!r}; it must be ")


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("yes", True),
        ("on", True),
        ("false", False),
        ("0", False),
        ("No", False),
        ("off", False),
        ("", False),
    ],
)
def test_truth_values_are_read_as_people_write_them(name: str, text: str, value: bool) -> None:
    """Everything that is not clearly true or false is an error, not a guess."""
    assert getattr(Settings.from_environment({PREFIX + name.upper(): text}), name) is value
    with pytest.raises(ConfigurationError, match="must be true or false"):
        Settings.from_environment({PREFIX + name.upper(): "maybe"})


def test_other_variables_are_ignored() -> None:
    """The worker's own variables share the prefix."""
    assert Settings.from_environment({"KUBEJOBS_RUN": "kj-1", "PATH": "/bin"}) == Settings()
