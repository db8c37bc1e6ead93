"""Items on their way into a queue: what may be one, its priority, and late arrivals.

Rule: a call that is repeated because its reply was lost adds nothing twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from kubejobs.errors import QueueError, QueueUnavailableError
from kubejobs.workqueue import scripts
from kubejobs.workqueue.replies import checked
from kubejobs.workqueue.resp import text_of

HIGHEST_PRIORITY: Final = 9
ITEMS_PER_CALL: Final = 4000
"""Fewer than the 8,000 values that a script can pass on in one call."""
_PATIENCE_SECONDS: Final = 60.0
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 2.0

CLOSED_MESSAGE: Final = "the queue is closed: it was said that no more items will come (see workload.open)"

RunScript = Callable[..., list[Any]]


def append_items(run: RunScript, items: Iterable[str], priority: int, place: str) -> int:
    """Add late arrivals by `run(script, *arguments)`; returns the run's new total.

    A server that does not answer is asked again for a minute, then QueueUnavailableError; what has arrived by then
    stays. Raises QueueError for an item or a priority that can't be, and for a queue that is closed.
    """
    check_priority(priority)
    iterator = iter(items)
    total = None
    while values := list(islice(iterator, ITEMS_PER_CALL)):
        check_items(values)
        reply = _repeated(run, scripts.APPEND, secrets.token_hex(8), priority, *values)
        if text_of(reply[0]) == "CLOSED":
            raise QueueError(CLOSED_MESSAGE)
        total = int(checked(reply, place)[0])
    return _total(run, place) if total is None else total


def close_queue(run: RunScript, place: str) -> None:
    """Say by `run(script)` that no more items will come; as patient as `append_items`."""
    checked(_repeated(run, scripts.CLOSE), place)


def _total(run: RunScript, place: str) -> int:
    values = checked(_repeated(run, scripts.VERIFY), place)
    return int(values[1])


def _repeated(run: RunScript, script: scripts.Script, *arguments: Any) -> list[Any]:
    """The reply, asked for again while the server does not answer."""
    wait, give_up_at = _FIRST_WAIT_SECONDS, time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return run(script, *arguments)
        except QueueUnavailableError:
            if time.monotonic() > give_up_at:
                raise
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT_SECONDS)


def check_priority(priority: int) -> None:
    """Raise QueueError unless this is a priority."""
    if type(priority) is not int or not 0 <= priority <= HIGHEST_PRIORITY:
        raise QueueError(
            f"a priority must be a whole number from 0 to {HIGHEST_PRIORITY}, higher first; this is {priority!r:.200}"
        )


def check_items(items: list[str]) -> None:
    """Raise QueueError unless every item is one line of text."""
    if all(items) and "\n" not in "\r".join(items):
        return
    wrong = next(item for item in items if not item or "\n" in item)
    raise QueueError(f"an item must be one line of text and not empty; this is {wrong!r:.200}")
