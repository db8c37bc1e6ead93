"""What must hold between fields, which no single field's schema can say.

Rule: works on the raw fields in the product's shape and skips what has the wrong type (the schema reports that), so
that every problem is found in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from kubejobs.submission import rules_execution, rules_workload
from kubejobs.submission.issue import Fields, Issue, Rule, look_up
from kubejobs.submission.model import Scaling
from kubejobs.submission.paths import Path

RESERVED_VARIABLES = frozenset({"REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD"})
RESERVED_PREFIX = "KUBEJOBS_"
_GAINS = ("proportional_gain", "derivative_gain", "integral_gain")


def check_rules(fields: Fields) -> list[Issue]:
    """Every rule between fields that `fields` breaks."""
    return [issue for rule in _RULES for issue in rule(fields)]


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


_RULES: tuple[Rule, ...] = (
    rules_workload.one_source,
    rules_workload.inline_items,
    _replicas,
    _gains,
    rules_execution.runner,
    rules_execution.retry_delays,
    _variables,
    _resources,
)
