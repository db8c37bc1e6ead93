"""Where a field is: a tuple of keys and list positions, and its written form `scaling.min_replicas`, `args[2]`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

Path = tuple[str | int, ...]

ROOT = "submission"
_LONGEST_KEY = 80


def show_path(path: Path) -> str:
    """The path as people write it; the whole submission is called `submission`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{show_key(part)}"
    return text.removeprefix(".") or ROOT


def show_key(key: str) -> str:
    """The key, cut when long, with what can't be printed escaped."""
    cut = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"
    return cut if cut.isprintable() and cut.strip() else ascii(cut)


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """A hint naming the known key that is nearest to `key`, else all known keys."""
    names = sorted(known)
    near = difflib.get_close_matches(key[:_LONGEST_KEY], names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
