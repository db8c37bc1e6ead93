"""A submission in the product's own shape, beside where each field was in the shape that the user wrote.

Nested and flat fields of the product's own shape are read here, the documents' shape in `documents.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubejobs.errors import Problem
from kubejobs.submission.expectation import known_keys
from kubejobs.submission.model import Scaling
from kubejobs.submission.paths import Path, did_you_mean, show_path
from kubejobs.submission.plain import kind_of

FLAT_FIELDS: Mapping[str, Path] = {
    "items": ("workload", "items"),
    "workload_prioritized": ("workload", "prioritized"),
    "workload_open": ("workload", "open"),
    **{name: ("scaling", name) for name in Scaling.model_fields},
    "lease_seconds": ("queue", "lease_seconds"),
    "max_attempts": ("queue", "max_attempts"),
    "retry_seconds": ("queue", "retry_seconds"),
    "retry_max_seconds": ("queue", "retry_max_seconds"),
    "batch": ("queue", "batch"),
    "queue_authentication": ("queue", "authentication"),
    "queue_connection": ("queue", "connection"),
    "stall_seconds": ("limits", "stall_seconds"),
    "max_failed_items": ("limits", "max_failed_items"),
    "max_failed_ratio": ("limits", "max_failed_ratio"),
}
"""Fields that may also stand at the top, as in Airflow's trigger form, and where they belong."""

SECTIONS: tuple[Path, ...] = (
    ("workload",),
    ("scaling",),
    ("queue",),
    ("limits",),
    ("runner",),
    ("resources",),
    ("queue", "resources"),
)


@dataclass(slots=True)
class Shaped:
    """Fields in the product's shape; `origins` says where the user wrote (or should have written) what is at a path."""

    fields: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def put(self, target: Path, value: Any, origin: Path) -> None:
        """Set the field at `target`, which the user wrote at `origin`."""
        place = self.fields
        for part in target[:-1]:
            place = place.setdefault(str(part), {})
        place[str(target[-1])] = value
        self.origins[target] = origin

    def complain(self, path: Path, message: str) -> None:
        """Note a problem at a path of the user's own shape."""
        self.problems.append(Problem(show_path(path), message))

    def name_of(self, path: Path) -> str:
        """The user's own name for what is at `path` of the product's shape."""
        for length in range(len(path), 0, -1):
            origin = self.origins.get(path[:length])
            if origin is not None:
                return show_path((*origin, *path[length:]))
        return show_path(path)


def is_given(value: Any) -> bool:
    """Whether a form's field was filled in: null and empty text mean that it was not."""
    return value is not None and value != ""


def read_product_shape(conf: Mapping[str, Any]) -> Shaped:
    """The product's own shape, nested or flat; null and empty text at a field mean that it is not given."""
    shaped = Shaped()
    known = {*known_keys(()), *FLAT_FIELDS}
    given = {key: value for key, value in conf.items() if is_given(value)}
    for key, value in given.items():
        if key not in known:
            shaped.complain((key,), f"is not a field of a submission; {did_you_mean(key, known)}")
        elif key not in FLAT_FIELDS:
            shaped.fields[key] = value
    if isinstance(given.get("workload"), str):
        shaped.fields["workload"] = {}
        shaped.put(("workload", "url"), given["workload"], ("workload",))
    for path in SECTIONS:
        _drop_not_given(shaped.fields, path)
    for key, value in given.items():
        if key in FLAT_FIELDS:
            _put_flat(shaped, key, value)
    return shaped


def _drop_not_given(fields: dict[str, Any], path: Path) -> None:
    """Leave out the null and empty entries of the section at `path`, on a copy."""
    owner: Any = fields
    for part in path[:-1]:
        owner = owner.get(part)
        if not isinstance(owner, dict):
            return
    section = owner.get(path[-1])
    if isinstance(section, dict):
        owner[path[-1]] = {key: value for key, value in section.items() if is_given(value)}


def _put_flat(shaped: Shaped, key: str, value: Any) -> None:
    target = FLAT_FIELDS[key]
    section = shaped.fields.setdefault(str(target[0]), {})
    if not isinstance(section, dict):
        message = f"is {kind_of(section)}; beside the field {key} it must be an object or left out"
        shaped.complain((target[0],), message)
        shaped.fields.pop(str(target[0]))
    elif target[1] in section:
        shaped.complain((key,), f"is given beside {shaped.name_of(target)}; give one of the two")
    else:
        shaped.put(target, value, (key,))
