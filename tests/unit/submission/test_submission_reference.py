"""docs/submission.md: complete, and as the model has it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kubejobs.submission import reference
from kubejobs.submission.batches import _READERS
from kubejobs.submission.documents_table import DOCUMENT_FIELDS, DROPPED
from kubejobs.submission.expectation import resolve, submission_schema
from kubejobs.submission.shaped import FLAT_FIELDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "submission.md"


def test_the_reference_is_up_to_date() -> None:
    """The tables are what the model gives; `python -m kubejobs.submission.reference docs/submission.md` renews them."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert reference.renew(text) == text


def test_every_name_is_in_the_reference() -> None:
    """Each field of both shapes and of a batch file is documented."""
    text = DOCUMENT.read_text(encoding="utf-8")
    names = {*FLAT_FIELDS, *DROPPED, *_READERS, *(document_field.name for document_field in DOCUMENT_FIELDS)}
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_every_field_of_the_model_is_described() -> None:
    """No field goes without a sentence saying what it means."""
    schema = submission_schema()
    objects = {"Submission": schema, **schema["$defs"]}
    bare = [
        f"{n}.{f}" for n, o in objects.items() for f, s in o["properties"].items() if not resolve(s).get("description")
    ]
    assert bare == []


def test_a_stale_table_is_renewed(tmp_path: Path) -> None:
    """The command replaces what stands between the marks and nothing else."""
    file = tmp_path / "x.md"
    file.write_text("before\n<!-- begin product -->\nstale table\n<!-- end product -->\nafter\n", encoding="utf-8")
    reference.main([str(file)])
    text = file.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- begin product -->\n| Field |")
    assert text.endswith("<!-- end product -->\nafter\n")
    assert "stale table" not in text


@pytest.mark.parametrize("default", ["100m", "kubernetes_default"])
def test_defaults_are_shown(default: str) -> None:
    """The product's defaults stand in the table as JSON."""
    assert re.search(rf"`[^`]*{json.dumps(default)}[^`]*`", reference.product_table())
