"""The trigger form: cheap to import, valid by itself, and in agreement with the model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kubejobs.submission.documents_table import DOCUMENT_FIELDS, GROUPS
from kubejobs.submission.expectation import alternatives, field_schema, known_keys
from kubejobs.submission.params import trigger_params
from kubejobs.submission.parse import parse_submission
from kubejobs.submission.prefilled import prefilled
from kubejobs.submission.shaped import FLAT_FIELDS
from support.submissions import DOCUMENTS, PASSWORD, PRODUCT

PARAMS = trigger_params()
FLAT = {name: FLAT_FIELDS.get(name, (name,)) for name in PARAMS if name not in {"plugin", "plugin_info", "workload"}}
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "maxLength")
EXAMPLES = Path(__file__).parents[3] / "include" / "configs" / "examples"


def errors_of(conf: dict[str, Any]) -> dict[str, str]:
    """What Airflow would refuse, by field: each top-level field is validated by itself."""
    found = {}
    for name, value in conf.items():
        for error in jsonschema.Draft7Validator(PARAMS[name].schema).iter_errors(value):
            found[name] = str(error)
    return found


def test_every_field_has_a_param() -> None:
    """The form covers the product's top-level and flat fields and the documents' shape."""
    assert set(PARAMS) == {*known_keys(()), *FLAT_FIELDS, "plugin", "plugin_info"}


@pytest.mark.parametrize("name", FLAT)
def test_a_param_agrees_with_the_model(name: str) -> None:
    """Type, bounds, choices and pattern are the model's own."""
    schema, field = PARAMS[name].schema, field_schema(FLAT[name])
    assert field is not None
    models = alternatives(field)
    model = models[0]
    assert schema["type"] == ["null", *(one.get("type", "string") for one in models)]
    assert {key: schema.get(key) for key in BOUNDS} == {key: model.get(key) for key in BOUNDS}
    choices = model.get("enum", [model["const"]] if "const" in model else None)
    assert schema.get("enum") == ([None, *choices] if choices else None)
    words = [re.escape(one["const"]) for one in models[1:]]
    pattern = f"^{'|'.join(words)}$" if words else model.get("pattern")
    assert schema.get("pattern") == (f"^$|{pattern}" if pattern else None)


@pytest.mark.parametrize("name", FLAT)
def test_a_param_tells_its_default(name: str) -> None:
    """Where the model has a default of one value, the help text says it; pid's gains have none that counts."""
    default = (field_schema(FLAT[name]) or {}).get("default")
    if isinstance(default, int | float | str) and not name.endswith("_gain"):
        text = str(default).lower() if isinstance(default, bool | str) else f"{default:g}"
        assert f"Default: {text}" in PARAMS[name].schema["description"]


@pytest.mark.parametrize("name", PARAMS)
def test_a_param_stands_by_itself(name: str) -> None:
    """Each schema is valid, accepts its default, and has what the form shows."""
    spec = PARAMS[name]
    jsonschema.Draft7Validator.check_schema(spec.schema)
    assert errors_of({name: spec.default}) == {}
    assert all(spec.schema[key] for key in ("title", "description", "section"))


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.json")))
def test_an_example_is_valid_at_the_trigger_and_whole(name: str) -> None:
    """The shipped examples pass the form's schemas and the parser."""
    conf = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    assert errors_of(conf) == {}
    parse_submission(conf)


def test_a_form_that_was_left_empty_but_for_the_needed_is_a_submission() -> None:
    """What Airflow sends for a form, null for each field that is not filled in, is accepted."""
    form = {name: spec.default for name, spec in PARAMS.items()}
    form |= {"image": "i", "workload": "https://h/x", "expected_time": 60, "namespace": "", "policy": None}
    assert errors_of(form) == {}
    assert parse_submission(form).expected_time == 60


def test_what_the_form_is_prefilled_with_is_what_would_hold() -> None:
    """A form that was left as it is means the same submission as what was filled in alone."""
    needed = {"image": "i", "workload": "https://h/x", "expected_time": 60}
    form = {name: spec.default for name, spec in PARAMS.items()} | needed
    assert parse_submission(form) == parse_submission(needed)


FORBIDDEN = {
    "none": "max_replicas = 0",
    "a fraction": "max_replicas = 1.5",
    "not more than": "check_interval = 0",
    "a choice": "policy = magic",
    "a pattern": "cluster = two words",
}


@pytest.mark.parametrize("line", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_default_that_the_schema_forbids_is_not_in_the_form(line: str, tmp_path: Path) -> None:
    """Airflow would refuse every submission for it; the run complains about the file."""
    (tmp_path / "controller.cfg").write_text(f"[kubejobs]\n{line}\n", encoding="utf-8")
    name = line.partition(" ")[0]
    assert trigger_params(prefilled(tmp_path))[name].default is None


def test_sections_of_the_products_shape_are_complete() -> None:
    """The nested objects know every field of their section and no other."""
    for section in ("scaling", "queue", "limits", "runner"):
        assert set(PARAMS[section].schema["properties"]) == set(known_keys((section,)))


def test_plugin_info_knows_every_documented_field() -> None:
    """Each field of the documents' shape has its type checked at the trigger."""
    info = PARAMS["plugin_info"].schema
    for document_field in DOCUMENT_FIELDS:
        place = info
        for part in document_field.path:
            if part != "requests" or ".".join(document_field.path[:1]) in GROUPS:
                place = place["properties"][part]
        assert place.get("type") or place.get("enum")


WRONG_TYPES: dict[str, dict[str, Any]] = {
    "image": {"image": 3},
    "command": {"command": "python x"},
    "workload": {"workload": ["x"]},
    "expected_time": {"expected_time": "40"},
    "max_replicas": {"max_replicas": 0},
    "policy": {"policy": "magic"},
    "env": {"env": {"A": []}},
    "scaling": {"scaling": {"max_replicas": "x"}},
    "scaling's unknown": {"scaling": {"colour": 1}},
    "resources": {"resources": {"limits": []}},
    "namespace": {"namespace": "Not A Name"},
    "batch": {"batch": "many"},
    "batch of none": {"batch": 0},
    "runner": {"runner": {"mode": "magic"}},
    "runner's unknown": {"runner": {"colour": 1}},
    "plugin": {"plugin": "spark"},
}


@pytest.mark.parametrize("change", WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_wrong_type_is_refused_at_the_trigger(change: dict[str, Any]) -> None:
    """Airflow itself answers 4xx where a schema can say it."""
    assert list(errors_of(PRODUCT | change)) == list(change)


WRONG_INFO: dict[str, Any] = {
    "img": 3,
    "cmd": "x",
    "init_size": 0,
    "redis_workload": 3,
    "control_parameters": {"max_rep": "10"},
    "monitor_info": {"expected_time": True},
    "env_vars": {"A": None},
    "enable_visualizer": "yes",
    "control_plugin": "kvm",
}


@pytest.mark.parametrize("name", WRONG_INFO)
def test_airflows_answer_about_plugin_info_has_no_password(name: str) -> None:
    """A wrong type in the documents' shape is refused at the trigger, quoting only the part that is wrong."""
    assert errors_of(DOCUMENTS) == {}
    info = DOCUMENTS["plugin_info"] | {name: WRONG_INFO[name]}
    found = errors_of({"plugin": "kubejobs", "plugin_info": info})
    assert list(found) == ["plugin_info"]
    assert PASSWORD not in found["plugin_info"]


def test_importing_the_form_imports_nothing_heavy() -> None:
    """A DAG file that builds the form loads neither pydantic nor anything else outside the standard library."""
    script = (
        "import sys; from kubejobs.submission.params import trigger_params; trigger_params();"
        "print([m for m in ('pydantic', 'httpx', 'fsspec', 'yaml', 'airflow', 'asyncio') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", PARAMS["runner"].schema["properties"])
def test_the_runners_fields_agree_with_the_model(name: str) -> None:
    """Type, bounds and choices of each field of the runner are the model's own."""
    schema, model = PARAMS["runner"].schema["properties"][name], field_schema(("runner", name))
    assert model is not None
    assert schema["type"] == ["null", model["type"]]
    assert {key: schema.get(key) for key in BOUNDS} == {key: model.get(key) for key in BOUNDS}
    assert schema.get("enum") == ([None, *model["enum"]] if "enum" in model else None)
    assert schema.get("items") == model.get("items")
