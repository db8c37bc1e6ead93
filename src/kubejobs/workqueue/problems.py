"""What a failure of the queue's server means: the project's errors, in the same words whichever client met it.

Rule: pure; no message holds a password.
"""

from __future__ import annotations

import re
from typing import Final

from kubejobs.errors import QueueError, QueueUnavailableError
from kubejobs.workqueue.resp import ReplyError

NO_ANSWER: Final = ""
"""The code of a failure in which the server said nothing."""
_CREDENTIALS_CODES: Final = frozenset({"WRONGPASS", "NOAUTH", "NOPERM"})
_TRANSIENT_CODES: Final = frozenset(
    {NO_ANSWER, "LOADING", "MISCONF", "BUSY", "NOREPLICAS", "READONLY", "TRYAGAIN", "MASTERDOWN"}
)
# Errors whose first word is ERR although they are of these kinds. Who has not logged in may send short commands only.
_CODES_OF_WORDS: Final = (("max number of clients", NO_ANSWER), ("Protocol error: unauthenticated", "NOAUTH"))
# Until Redis 7 a command's error within a script is wrapped in one of the script.
_WITHIN_SCRIPT: Final = re.compile(r"@user_script: ?\d+: -(\w+) ")


def code_of(error: OSError | ReplyError) -> str:
    """The code of what `wire` raised: the first word of the server's error."""
    if isinstance(error, OSError):
        return NO_ANSWER
    text = str(error)
    for words, code in _CODES_OF_WORDS:
        if words in text:
            return code
    within = _WITHIN_SCRIPT.search(text)
    return within.group(1) if within else text.partition(" ")[0]


def problem(error: Exception, code: str, place: str, credentials: str) -> QueueError:
    """The project's error: what was wrong, where, and what to do.

    `code` is the first word of the server's error, or NO_ANSWER. `credentials` says where the password comes from.
    """
    if code in _CREDENTIALS_CODES:
        return QueueError(f"the queue at {place} refuses the credentials: check {credentials}")
    if code in _TRANSIENT_CODES:
        return QueueUnavailableError(f"the queue at {place} does not answer ({type(error).__name__}: {error})")
    if code == "OOM":
        return QueueError(f"the queue at {place} is out of memory: give its server more, or split the workload")
    return QueueError(f"the queue at {place} refuses a command ({type(error).__name__}: {error})")


def unencodable(error: UnicodeEncodeError) -> QueueError:
    """The project's error for text that is no UTF-8."""
    return QueueError(f"an item can't be encoded as UTF-8: {error.object!r:.200}")
