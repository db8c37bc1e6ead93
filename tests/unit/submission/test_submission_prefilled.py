"""What the trigger form is prefilled with: the defaults that hold, and no obstacle to the other ways to submit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubejobs.errors import SubmissionError
from kubejobs.submission.defaults import read_defaults
from kubejobs.submission.expectation import field_schema
from kubejobs.submission.params import trigger_params
from kubejobs.submission.parse import parse_submission
from kubejobs.submission.prefilled import PRODUCT, prefilled
from kubejobs.submission.shaped import FLAT_FIELDS
from support.submissions import DOCUMENTS

NEEDED = {"image": "i", "items": ["a"], "expected_time": 60}
CONTROLLER = "[kubejobs]\nmax_replicas = 20\nhold_when_nothing_queued = True\ncluster = 'batch'\nnamespace = here\n"


def form(config_dir: Path | None = None, **filled_in: Any) -> dict[str, Any]:
    """What Airflow sends for a form in which some fields were filled in."""
    params = trigger_params(prefilled(config_dir)) if config_dir else trigger_params()
    return {name: spec.default for name, spec in params.items()} | filled_in


@pytest.mark.parametrize("name", PRODUCT)
def test_the_defaults_are_the_models(name: str) -> None:
    """A value in the form is the one that the model has."""
    assert (field_schema(FLAT_FIELDS.get(name, (name,))) or {})["default"] == PRODUCT[name]


@pytest.mark.parametrize("name", ["image", "expected_time", "items", "initial_replicas", "actuator", "namespace"])
def test_what_has_no_default_of_its_own_is_empty(name: str) -> None:
    """What the user must say, and what follows from others or from the deployment, is left open."""
    assert trigger_params()[name].default is None


def test_the_deployments_defaults_are_in_the_form(tmp_path: Path) -> None:
    """The form shows what controller.cfg and monitor.cfg set, and sending it changes nothing."""
    (tmp_path / "controller.cfg").write_text(CONTROLLER, encoding="utf-8")
    (tmp_path / "monitor.cfg").write_text("[kubejobs]\nstall_seconds = 60.5\n", encoding="utf-8")
    shown = prefilled(tmp_path)
    changed = {"max_replicas": 20, "hold_when_nothing_queued": True, "cluster": "batch", "stall_seconds": 60.5}
    assert shown == {**PRODUCT, **changed}
    defaults = read_defaults(tmp_path)
    assert parse_submission(form(tmp_path, **NEEDED), defaults) == parse_submission(NEEDED, defaults)


BROKEN = {
    "no INI": "max_replicas = 3",
    "not UTF-8": "[kubejobs]\nmax_replicas = 3 # \udcff",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_does_not_take_the_form_away(text: str, tmp_path: Path) -> None:
    """The product's defaults are shown; the run complains about the file."""
    (tmp_path / "controller.cfg").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert prefilled(tmp_path) == PRODUCT


@pytest.mark.parametrize("line", ["max_replicas = many", "hold_when_nothing_queued = 1", "max_replicas = true"])
def test_a_value_of_another_kind_is_left_out(line: str, tmp_path: Path) -> None:
    """The field is empty in the form."""
    (tmp_path / "controller.cfg").write_text(f"[kubejobs]\n{line}\n", encoding="utf-8")
    assert prefilled(tmp_path)[line.partition(" ")[0]] is None


@pytest.mark.parametrize("filled_in", [{}, {"max_replicas": 20}], ids=["product's", "deployment's"])
def test_the_documents_shape_may_stand_in_a_prefilled_form(filled_in: dict[str, Any], tmp_path: Path) -> None:
    """`plugin_info` wins over what the form was prefilled with."""
    if filled_in:
        (tmp_path / "controller.cfg").write_text("[kubejobs]\nmax_replicas = 20\n", encoding="utf-8")
    defaults = read_defaults(tmp_path)
    assert parse_submission(form(**DOCUMENTS) | filled_in, defaults) == parse_submission(DOCUMENTS, defaults)


def test_a_section_as_json_may_stand_in_a_prefilled_form() -> None:
    """The section wins over what the form was prefilled with."""
    filled_in = NEEDED | {"scaling": {"min_replicas": 2, "max_replicas": 4}, "queue": {"lease_seconds": 9}}
    submission = parse_submission(form(**filled_in))
    assert submission == parse_submission(filled_in)
    assert (submission.scaling.max_replicas, submission.queue.lease_seconds) == (4, 9)


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "plugin_info": ({**DOCUMENTS, "max_replicas": 7}, "max_replicas"),
    "a section": ({**NEEDED, "scaling": {"max_replicas": 4}, "max_replicas": 7}, "max_replicas"),
    "true for 1": ({**DOCUMENTS, "min_replicas": True}, "min_replicas"),
}


@pytest.mark.parametrize(("filled_in", "field"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_changed_field_beside_another_way_to_say_it_is_a_problem(filled_in: dict[str, Any], field: str) -> None:
    """What a user changed in the form is never dropped."""
    with pytest.raises(SubmissionError) as caught:
        parse_submission(form(**filled_in))
    assert [problem.field for problem in caught.value.problems] == [field]
