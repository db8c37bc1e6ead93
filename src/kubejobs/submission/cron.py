"""Whether a schedule is a cron expression that Airflow understands: five fields with ranges, lists, steps, names."""

from __future__ import annotations

import re

PRESETS = frozenset({"@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"})
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?P<low>\*|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>[0-9]{1,4}))?", flags=re.ASCII)


def cron_problem(text: str) -> str | None:
    """What is wrong with a cron expression or preset, or None when it is one."""
    if text.strip().startswith("@"):
        return None if text.strip() in PRESETS else f"the presets are {', '.join(sorted(PRESETS))}"
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields, a cron expression has 5, such as 0 4 * * *"
    for value, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        for part in value.split(","):
            if not _part_fits(part.lower(), low, high, names):
                return f"the {name} is {value[:40]!r}; it must be *, or from {low} to {high}, a range, a list or a step"
    return None


def _part_fits(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if not match:
        return False
    if match["step"] is not None and not 0 < int(match["step"]) <= high:
        return False
    if match["low"] == "*":
        return match["high"] is None
    first = _number(match["low"], low, names)
    last = first if match["high"] is None else _number(match["high"], low, names)
    return first is not None and last is not None and low <= first <= last <= high


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text in names:
        return names.index(text) + (1 if low else 0)
    return int(text) if text.isdigit() and len(text) <= 2 else None  # noqa: PLR2004 - no field goes beyond 59
