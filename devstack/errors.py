"""What can go wrong with the stack, in words for whoever started it."""

from __future__ import annotations

from pathlib import Path

_LAST_LINES = 20


class StackError(Exception):
    """The stack can't be started, ended by itself, or the demo did not end as it should."""


def last_lines(log: Path, count: int = _LAST_LINES) -> str:
    """The end of a log file, indented; a note if it is empty or missing."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines) or "    (nothing was printed)"
