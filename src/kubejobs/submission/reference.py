"""The tables of docs/submission.md, made from the model and the table of the documents' shape.

`python -m kubejobs.submission.reference docs/submission.md` renews them; a test fails when they are stale.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any

from kubejobs.submission.documents_table import DOCUMENT_FIELDS, DROPPED, DocumentField
from kubejobs.submission.expectation import Schema, field_schema, in_words, known_keys
from kubejobs.submission.paths import Path, show_path
from kubejobs.submission.shaped import FLAT_FIELDS, SECTIONS

_BLOCK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", flags=re.DOTALL)
_NOTHING = "none"
_FLAT_NAMES = {path: name for name, path in FLAT_FIELDS.items()}


def renew(text: str) -> str:
    """The document with every `<!-- begin NAME -->` … `<!-- end NAME -->` block made anew."""
    return _BLOCK.sub(lambda match: f"{match[1]}{_TABLES[match[2]]()}{match[3]}", text)


def product_table() -> str:
    """Every field of the product's own shape."""
    rows = [
        (show_path(path), _flat_name(path), _expected(path), _default(path), str(schema.get("description", "")))
        for path, schema in _leaves(())
    ]
    return _table(("Field", "Flat", "Must be", "Default", "Meaning"), rows)


def documents_table() -> str:
    """Every field of `plugin_info`."""
    rows = [(f"`{f.name}`", _document_kind(f), _becomes(f), f.meaning) for f in DOCUMENT_FIELDS]
    rows += [(f"`{name}`", "anything", "nothing", "Accepted and dropped at once.") for name in sorted(DROPPED)]
    return _table(("Field", "Must be", "Becomes", "Meaning"), rows)


_TABLES: dict[str, Callable[[], str]] = {"product": product_table, "documents": documents_table}


def _leaves(path: Path) -> list[tuple[Path, Schema]]:
    found: list[tuple[Path, Schema]] = []
    for key in known_keys(path):
        child = (*path, key)
        if child in SECTIONS:
            found += _leaves(child)
        else:
            found.append((child, field_schema(child) or {}))
    return found


def _flat_name(path: Path) -> str:
    if path == ("workload", "url"):
        return "`workload`"
    return f"`{_FLAT_NAMES[path]}`" if path in _FLAT_NAMES else ("" if len(path) > 1 else "the same")


def _expected(path: Path) -> str:
    return in_words(field_schema(path) or {})


def _default(path: Path) -> str:
    """The default as JSON; `required` where there is none."""
    owner = field_schema(path[:-1]) or {}
    if path[-1] in owner.get("required", ()):
        return "required"
    value: Any = (field_schema(path) or {}).get("default", {})
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _NOTHING if value is None else f"`{json.dumps(value)}`"


def _document_kind(document_field: DocumentField) -> str:
    if document_field.allowed:
        return " or ".join(f'"{name}"' for name in document_field.allowed)
    return document_field.kind or _expected(document_field.target or ())


def _becomes(document_field: DocumentField) -> str:
    return f"`{show_path(document_field.target)}`" if document_field.target else "nothing of its own"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |\n" for line in lines)


def main(arguments: list[str]) -> None:
    """Renew the tables of the files that are named."""
    for name in arguments:
        file = FilePath(name)
        file.write_text(renew(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
