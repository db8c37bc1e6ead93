"""What a policy remembers, to JSON and back.

Rule: a memory that is lost, older or damaged is no error: each value that is missing or makes no sense is as at the
start of a run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _Memory = TypeVar("_Memory", bound=DataclassInstance)


def remembered(memory: DataclassInstance) -> dict[str, Any]:
    """The fields of a memory: numbers, and lists of numbers."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(memory).items()}


def restored(kind: type[_Memory], values: object) -> _Memory:
    """The memory of which `remembered` made `values`.

    Every field of `kind` needs a default, which tells its type: int, float or a tuple of floats.
    """
    known = values if isinstance(values, Mapping) else {}
    return kind(**{field.name: _value(field, known.get(field.name)) for field in fields(kind)})


def _value(field: Field[Any], value: object) -> Any:
    default: Any = field.default
    if isinstance(default, tuple):
        good = isinstance(value, list) and len(value) == len(default) and all(map(_is_number, value))
        return tuple(map(float, value)) if good and isinstance(value, list) else default
    return type(default)(value) if _is_number(value) else default


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
