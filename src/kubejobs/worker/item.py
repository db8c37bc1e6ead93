"""One item as a worker sees it, and the bounded record of what went wrong with it."""

from __future__ import annotations

import json
import time
import traceback
from typing import Any, Final

from kubejobs.errors import QueueError
from kubejobs.workqueue.leasing import Ending

MAX_RESULT_BYTES: Final = 16_384
MAX_MESSAGE_CHARACTERS: Final = 500
MAX_TAIL_CHARACTERS: Final = 1500
"""The end of a traceback or of a command's output; with the message and JSON's quoting about 2 KB an error."""


class Item:
    """One line of the workload, with a worker for now.

    `value` is the line; `attempt` is 1 the first time that the item is delivered; `started_at` is when, by
    time.monotonic(). `ending` and `text` are what the queue will be told.
    """

    __slots__ = ("attempt", "ending", "started_at", "text", "value")

    def __init__(self, value: str, attempt: int = 1, started_at: float | None = None) -> None:
        self.value = value
        self.attempt = attempt
        self.started_at = time.monotonic() if started_at is None else started_at
        self.ending = Ending.DONE
        self.text = ""

    def __str__(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return f"Item({self.value!r}, attempt={self.attempt})"

    def result(self, value: Any) -> None:
        """Keep a small result (JSON-compatible, at most 16 KiB); it is stored when the item is acknowledged."""
        try:
            text = json.dumps([self.value, value], separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise QueueError(f"the result of {self.value!r:.200} is not JSON: {error}") from error
        if len(text) > MAX_RESULT_BYTES:
            raise QueueError(
                f"the result of {self.value!r:.200} has {len(text)} bytes, at most {MAX_RESULT_BYTES} are kept: "
                "store it elsewhere and return where"
            )
        self.ending, self.text = Ending.RESULT, text

    def fail(self, error: BaseException | str, *, retry: bool = True, tail: str = "", kind: str = "") -> None:
        """Say that the item failed: to be tried again after a while, or with `retry=False` for good.

        `tail` is the end of some output that explains it, by default an exception's traceback; `kind` a short name of
        the reason, by default the exception's type.
        """
        seconds = time.monotonic() - self.started_at
        self.ending, self.text = (Ending.RETRY if retry else Ending.FAIL), error_record(error, tail, kind, seconds)

    def release(self) -> None:
        """Give the item back as if it had not been started; it is taken up at once and no attempt is counted."""
        self.ending, self.text = Ending.RETURN, ""

    @property
    def ended(self) -> bool:
        """Whether it was said how the item ends; until then it ends as done."""
        return self.ending is not Ending.DONE


def error_record(error: BaseException | str, tail: str = "", kind: str = "", seconds: float = 0.0) -> str:
    """What is kept of an error, as JSON: type, message, end of the traceback (or of `tail`), all bounded.

    `seconds` is how long the item had been running.
    """
    if isinstance(error, BaseException):
        tail = tail or "".join(traceback.format_exception(error))
        kind, message = kind or type(error).__name__, str(error)
    else:
        kind, message = kind or "Error", error
    record = {
        "type": kind,
        "message": message[:MAX_MESSAGE_CHARACTERS],
        "seconds": round(seconds, 3),
        "traceback": tail[-MAX_TAIL_CHARACTERS:],
    }
    return json.dumps(record)
