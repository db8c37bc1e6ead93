"""One item as a worker sees it, and the bounded record of what went wrong with it."""

from __future__ import annotations

import json
import traceback
from typing import Any, Final

from kubejobs.errors import QueueError
from kubejobs.workqueue.leasing import Ending, Outcome

MAX_RESULT_BYTES: Final = 16_384
MAX_MESSAGE_CHARACTERS: Final = 500
MAX_TAIL_CHARACTERS: Final = 1500
"""The end of a traceback or of a command's output; with the message and JSON's quoting about 2 KB an error."""


class Item:
    """One line of the workload, with a worker for now.

    `value` is the line; `attempt` is 1 the first time that the item is delivered.
    """

    __slots__ = ("_ending", "_text", "attempt", "value")

    def __init__(self, value: str, attempt: int = 1) -> None:
        self.value = value
        self.attempt = attempt
        self._ending = Ending.DONE
        self._text = ""

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
        self._ending, self._text = Ending.RESULT, text

    def fail(self, error: BaseException | str, *, retry: bool = True, tail: str = "") -> None:
        """Say that the item failed: to be tried again after a while, or with `retry=False` for good.

        `tail` is the end of some output that explains it; by default an exception's traceback.
        """
        self._ending, self._text = (Ending.RETRY if retry else Ending.FAIL), error_record(error, tail)

    def release(self) -> None:
        """Give the item back as if it had not been started; it is taken up at once and no attempt is counted."""
        self._ending, self._text = Ending.RETURN, ""

    @property
    def ended(self) -> bool:
        """Whether it was said how the item ends; until then it ends as done."""
        return self._ending is not Ending.DONE

    def outcome(self, place: int) -> Outcome | None:
        """What the queue is to be told, given the item's place in the lease; None for plainly done."""
        return Outcome(place, self._ending, self._text) if self.ended else None


def error_record(error: BaseException | str, tail: str = "") -> str:
    """What is kept of an error, as JSON: type, message and the end of the traceback (or of `tail`), all bounded."""
    if isinstance(error, BaseException):
        tail = tail or "".join(traceback.format_exception(error))
        kind, message = type(error).__name__, str(error)
    else:
        kind, message = "Error", error
    return json.dumps(
        {"type": kind, "message": message[:MAX_MESSAGE_CHARACTERS], "traceback": tail[-MAX_TAIL_CHARACTERS:]}
    )
