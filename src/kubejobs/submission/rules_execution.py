"""What must hold for how items are worked off: the runner, its command, and the delays between attempts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubejobs.submission.issue import Fields, Issue, look_up
from kubejobs.submission.model import Queue


def runner(fields: Fields) -> Iterator[Issue]:
    """A runner has a command to run, and exit codes mean an item only where each item has its own process."""
    if not isinstance(fields.get("runner"), dict):
        return
    if fields.get("command") in (None, [], ()):
        yield Issue(("command",), "is missing; {} needs the program that works on an item", (("runner",),))
    codes = ("runner", "fail_codes")
    if look_up(fields, ("runner", "mode")) == "lines" and look_up(fields, codes):
        message = 'has no effect where {} is "lines", as one process answers for many items; leave it out'
        yield Issue(codes, message, (("runner", "mode"),))


def retry_delays(fields: Fields) -> Iterator[Issue]:
    """The longest delay is at least the first one."""
    first, longest = (_seconds(fields, name) for name in ("retry_seconds", "retry_max_seconds"))
    if first is not None and longest is not None and longest < first:
        message = f"is {longest:g}, less than {{}} ({first:g}); it must be at least that"
        yield Issue(("queue", "retry_max_seconds"), message, (("queue", "retry_seconds"),))


def _seconds(fields: Fields, name: str) -> float | None:
    """The delay or the model's default; None when what is there is no number."""
    value: Any = look_up(fields, ("queue", name))
    if value is None:
        value = Queue.model_fields[name].default
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
