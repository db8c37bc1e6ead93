"""What must hold between fields, which no single field's schema can say.

Rule: works on the raw fields in the product's shape and skips what has the wrong type (the schema reports that), so
that every problem is found in one go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kubejobs.submission.model import Scaling
from kubejobs.submission.paths import Path
from kubejobs.submission.patterns import MAX_INLINE_ITEMS

Fields = dict[str, Any]

RESERVED_VARIABLES = frozenset({"REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD"})
RESERVED_PREFIX = "KUBEJOBS_"
_GAINS = ("proportional_gain", "derivative_gain", "integral_gain")
_MOST_ITEM_ISSUES = 10


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong at `path` of the product's shape; each `{}` of the message stands for one of `others`' names."""

    path: Path
    message: str
    others: tuple[Path, ...] = ()


def check_rules(fields: Fields) -> list[Issue]:
    """Every rule between fields that `fields` breaks."""
    return [issue for rule in _RULES for issue in rule(fields)]


def look_up(fields: Fields, path: Path) -> Any:
    """The value at `path`, or None when there is none."""
    value: Any = fields
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _one_source(fields: Fields) -> Iterator[Issue]:
    workload = fields.get("workload")
    url, items = ("workload", "url"), ("workload", "items")
    if workload is not None and not isinstance(workload, dict):
        return
    given = [path for path in (url, items) if look_up(fields, path) is not None]
    if not given:
        message = "is missing; give the URL of a file with one item a line (in the product's own shape: or `items`)"
        yield Issue(url, message)
    if len(given) > 1:
        yield Issue(items, "is given beside {}; give one of the two", (url,))


def _inline_items(fields: Fields) -> Iterator[Issue]:
    items = look_up(fields, ("workload", "items"))
    path = ("workload", "items")
    if not isinstance(items, list | tuple):
        return
    if not items:
        yield Issue(path, "is an empty list; a job needs at least one item")
    if len(items) > MAX_INLINE_ITEMS:
        message = (
            f"holds {len(items):,} items; at most {MAX_INLINE_ITEMS:,} can be inline: put them into a file, use {{}}"
        )
        yield Issue(path, message, (("workload", "url"),))
        return
    bad = [position for position, item in enumerate(items) if isinstance(item, str) and not _is_item(item)]
    for position in bad[:_MOST_ITEM_ISSUES]:
        yield Issue((*path, position), "is empty or holds a line break; an item is one line of text")
    if len(bad) > _MOST_ITEM_ISSUES:
        yield Issue(path, f"{len(bad) - _MOST_ITEM_ISSUES:,} more items are empty or hold a line break")


def _is_item(item: str) -> bool:
    return bool(item.strip()) and "\n" not in item and "\r" not in item


def _replicas(fields: Fields) -> Iterator[Issue]:
    low, first, high = (("scaling", f"{name}_replicas") for name in ("min", "initial", "max"))
    least, initial, most = (_whole(fields, path) for path in (low, first, high))
    if least is None or most is None:
        return
    if least > most:
        yield Issue(low, f"is {least}, more than {{}} ({most}); it must be at most that", (high,))
    elif initial is not None and initial > most:
        yield Issue(first, f"is {initial}, more than {{}} ({most}); it must be at most that", (high,))
    elif initial is not None and initial < least:
        yield Issue(first, f"is {initial}, less than {{}} ({least}); it must be at least that", (low,))


def _whole(fields: Fields, path: Path) -> int | None:
    """The number at `path` or the model's default; None when what is there is no whole number."""
    value = look_up(fields, path)
    if value is None:
        value = Scaling.model_fields[str(path[-1])].default
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _gains(fields: Fields) -> Iterator[Issue]:
    if look_up(fields, ("scaling", "policy")) != "pid":
        return
    for gain in _GAINS:
        if look_up(fields, ("scaling", gain)) is None:
            yield Issue(("scaling", gain), "is missing; the policy pid needs it, a number such as 0.1 (0 turns it off)")


def _variables(fields: Fields) -> Iterator[Issue]:
    env = fields.get("env")
    for name in env if isinstance(env, dict) else ():
        if name in RESERVED_VARIABLES or name.startswith(RESERVED_PREFIX):
            message = f"is set by the product; leave it out (reserved: {', '.join(sorted(RESERVED_VARIABLES))}"
            yield Issue(("env", name), f"{message}, {RESERVED_PREFIX}*)")


def _resources(fields: Fields) -> Iterator[Issue]:
    for place in (("resources",), ("queue", "resources")):
        limits = look_up(fields, (*place, "limits"))
        for name, limit in limits.items() if isinstance(limits, dict) else ():
            request = look_up(fields, (*place, "requests", name))
            requested, allowed = quantity(request), quantity(limit)
            if requested is not None and allowed is not None and requested > allowed:
                message = f"is {request}, more than {{}} ({limit}); a request must be at most its limit"
                yield Issue((*place, "requests", name), message, ((*place, "limits", name),))


_SUFFIXES: dict[str, Fraction] = {
    "": Fraction(1),
    "m": Fraction(1, 1000),
    **{letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", start=1)},
}


def quantity(value: Any) -> Fraction | None:
    """A Kubernetes quantity as a number, None when it is not one: "500m" is 1/2, "1Ki" is 1024."""
    match = re.fullmatch(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)(\w{0,2})", str(value), flags=re.ASCII)
    if not match or match[2] not in _SUFFIXES:
        return None
    return Fraction(match[1]) * _SUFFIXES[match[2]]


_RULES: tuple[Callable[[Fields], Iterator[Issue]], ...] = (
    _one_source,
    _inline_items,
    _replicas,
    _gains,
    _variables,
    _resources,
)
