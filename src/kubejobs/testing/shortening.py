"""What a queue keeps of an error once there are many. Rule: pure; to the byte what scripts/common.lua keeps."""

from __future__ import annotations

import json
import re
from typing import Any, Final

SHORT_BYTES: Final = 40


def shortened(problem: str) -> str:
    """A few words of an error's JSON, as a queue keeps them once there are many errors."""
    try:
        record = json.loads(problem)
    except ValueError:
        return "null"
    if not isinstance(record, dict):
        return "null"
    return json.dumps({"type": _cut(record.get("type")), "message": _cut(record.get("message"))})


def _cut(text: Any) -> str:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else b""
    if len(data) > SHORT_BYTES:
        data = re.sub(rb"[\xc0-\xff]?[\x80-\xbf]*\Z", b"", data[:SHORT_BYTES], count=1)
    return data.decode("utf-8", "surrogateescape")
