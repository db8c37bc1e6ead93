"""Records of items that ended badly, as the queue gives them."""

from __future__ import annotations

from typing import Any

ERROR = {"type": "ValueError", "message": "no number", "traceback": "Traceback …"}


def failure(item: str, kind: str = "dead", *, reason: str = "Raised", error: Any = None) -> dict[str, Any]:
    """One record."""
    return {
        "item": item,
        "kind": kind,
        "reason": reason,
        "attempts": 3,
        "worker": "w",
        "time": 1.5,
        "error": error,
    }
