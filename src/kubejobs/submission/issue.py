"""One thing that is wrong with a submission, at its path of the product's shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kubejobs.submission.paths import Path

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong at `path` of the product's shape; each `{}` of the message stands for one of `others`' names."""

    path: Path
    message: str
    others: tuple[Path, ...] = ()


Rule = Callable[[Fields], Iterator[Issue]]


def look_up(fields: Fields, path: Path) -> Any:
    """The value at `path`, or None when there is none."""
    value: Any = fields
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
