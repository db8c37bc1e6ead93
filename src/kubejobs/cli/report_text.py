"""A report's fields as aligned lines for a terminal.

Rule: it shows what the report has, whatever its fields are, so that a new field needs no change here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST_LIST = 12


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """One line a field, names aligned; nested fields are indented under theirs."""
    return list(_lines(report, ""))


def _lines(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    width = max((len(name) for name, value in fields.items() if not _nested(value)), default=0)
    for name, value in fields.items():
        title = name.replace("_", " ")
        if isinstance(value, Mapping) and value:
            yield f"{indent}{title}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and value:
            yield f"{indent}{title}:"
            yield from (f"{indent}  {_inline(entry)}" for entry in value[:_LONGEST_LIST])
            if len(value) > _LONGEST_LIST:
                yield f"{indent}  … {len(value) - _LONGEST_LIST} more"
        else:
            yield f"{indent}{title:<{width}}  {_inline(value)}"


def _nested(value: Any) -> bool:
    return isinstance(value, Mapping | list) and bool(value)


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, list | Mapping) and not value):
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_inline(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return " ".join(_inline(entry) for entry in value)
    return str(value)
