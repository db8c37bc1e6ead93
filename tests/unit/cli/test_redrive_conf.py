"""The submission of the new run: the old one's with other items."""

from __future__ import annotations

from typing import Any

import pytest

from kubejobs.cli.redrive_conf import parse_changes, redrive_conf
from kubejobs.submission.model import Workload
from kubejobs.submission.params import trigger_params
from kubejobs.submission.parse import parse_submission
from support.submissions import DOCUMENTS, PRODUCT

FLAT = {"image": "a:1", "items": ["x"], "expected_time": 9, "max_attempts": 4, "queue": {"lease_seconds": 7}}
FORM = {name: spec.default for name, spec in trigger_params().items()}
SHAPES = {
    "product": PRODUCT,
    "flat": FLAT,
    "documents": DOCUMENTS,
    "bare documents": DOCUMENTS["plugin_info"],
    "form": FORM | {"image": "a:1", "items": ["x"], "expected_time": 9},
    "form with documents": FORM | DOCUMENTS,
}


@pytest.mark.parametrize("conf", SHAPES.values(), ids=SHAPES)
def test_nothing_but_the_workload_changes(conf: dict[str, Any]) -> None:
    """Whichever shape the submission was in; the old conf is left as it was."""
    before = repr(conf)
    old = parse_submission(conf)
    new = parse_submission(redrive_conf(conf, {"items": ["b", "b"]}, {}))
    assert new.workload.items == ("b", "b")
    assert new.model_copy(update={"workload": old.workload}) == old
    assert repr(conf) == before


@pytest.mark.parametrize("conf", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", ["queue.max_attempts", "max_attempts"])
def test_a_field_can_be_changed_by_both_its_names(conf: dict[str, Any], name: str) -> None:
    """Wherever it stood before, and no other field with it."""
    old = parse_submission(conf)
    new = parse_submission(redrive_conf(conf, {"items": ["b"]}, {name: 9}))
    assert new.queue == old.queue.model_copy(update={"max_attempts": 9})
    assert new.scaling == old.scaling


def test_what_a_batch_presets_for_its_workload_is_hidden() -> None:
    """A batch's submission stands under the run's conf, which may be empty."""
    preset = {"image": "a:1", "items": ["x"], "expected_time": 9}
    assert parse_submission(preset | redrive_conf({}, {"items": ["b"]}, {})).workload.items == ("b",)


@pytest.mark.parametrize(
    "workload",
    [
        {"workload": {"url": "https://example.com/x", "open": True, "prioritized": True}},
        {"workload": "https://example.com/x", "workload_open": True, "workload_prioritized": True},
    ],
    ids=["nested", "flat"],
)
def test_the_new_workload_is_closed_and_without_priorities(workload: dict[str, Any]) -> None:
    """Nobody appends to the new run, and its lines are the items alone."""
    new = parse_submission(redrive_conf({"image": "a:1", "expected_time": 9} | workload, {"url": "https://b/c"}, {}))
    assert new.workload == Workload(url="https://b/c")


def test_values_are_json_or_text() -> None:
    """As people write them in a shell."""
    changes = parse_changes(
        ["image=a:2", "command=[]", "scaling.max_replicas=20", 'env={"A": "b=c"}', "namespace=null"]
    )
    assert changes == {
        "image": "a:2",
        "command": [],
        "scaling.max_replicas": 20,
        "env": {"A": "b=c"},
        "namespace": None,
    }
