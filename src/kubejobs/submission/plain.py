"""Whether a submission is plain JSON of a sane size, before anything else looks at it.

Rule: never recurses and never shows a value, so no input can exhaust the stack or leak a secret.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from kubejobs.errors import Problem
from kubejobs.submission.paths import Path, show_path

MAX_CONF_BYTES = 1_000_000
"""Largest submission; larger ones make Airflow slow and its API fail opaquely."""

MAX_DEPTH = 16
_LARGEST_INTEGER = 2**63
_MOST_PROBLEMS = 20

_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}


def kind_of(value: Any) -> str:
    """What JSON calls such a value, for people."""
    return "null" if value is None else _KINDS.get(type(value), f"a Python {type(value).__name__}")


def plain_problems(conf: Any, max_bytes: int = MAX_CONF_BYTES) -> list[Problem]:
    """What makes `conf` no plain JSON object of at most `max_bytes`, at most 20 problems; empty when it is one."""
    if not isinstance(conf, Mapping):
        return [Problem(show_path(()), f"is {kind_of(conf)}; it must be a JSON object")]
    problems: list[Problem] = []
    size = 0
    for path, value in _walk(conf):
        size += _size(value)
        if size > max_bytes:
            message = f"is larger than {max_bytes:,} bytes; put the items into a file and give its URL as the workload"
            return [*problems, Problem(show_path(()), message)]
        message_here = _complaint(path, value)
        if message_here:
            problems.append(Problem(show_path(path), message_here))
        if len(problems) >= _MOST_PROBLEMS:
            break
    return problems


def _walk(conf: Any) -> Iterator[tuple[Path, Any]]:
    """Every value and key with its path, in order; keys come as (path of the object, key)."""
    waiting: list[tuple[Path, Any]] = [((), conf)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if len(path) > MAX_DEPTH:
            continue
        if isinstance(value, Mapping):
            for key in value:
                yield path, _Key(key)
            children = [((*path, key), child) for key, child in value.items() if isinstance(key, str)]
            waiting.extend(reversed(children))
        elif isinstance(value, list | tuple):
            waiting.extend(((*path, position), value[position]) for position in reversed(range(len(value))))


class _Key:
    def __init__(self, key: Any) -> None:
        self.key = key


def _size(value: Any) -> int:
    """At least what the value takes as JSON, in bytes, without its children."""
    if isinstance(value, _Key):
        return _size(value.key) + 2
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) + 2
    return 2


def _complaint(path: Path, value: Any) -> str | None:
    if isinstance(value, _Key):
        return "has a key that is not plain text; it must be" if _bad_text(value.key) else None
    if len(path) > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} levels deep; no field is"
    if isinstance(value, int | float):
        return _bad_number(value)
    if value is None or isinstance(value, list | tuple | Mapping):
        return None
    return _bad_text(value)


def _bad_number(value: float) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "is not a finite number; give one that is"
    if abs(value) > _LARGEST_INTEGER and isinstance(value, int):
        return "is a number beyond 64 bits; no field takes one"
    return None


def _bad_text(text: Any) -> str | None:
    if not isinstance(text, str):
        return f"is {kind_of(text)}, which JSON does not have; write it as text in quotes"
    if "\x00" in text:
        return "holds a NUL character; take it out"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair; it must be valid Unicode"
    return None
