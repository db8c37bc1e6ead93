"""What a command in the mode "lines" answers to an item. Rule: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_WORDS: Final = {"!retry": True, "!fail": False}
_UNNAMED: Final = "the command reported a failure without a message"


@dataclass(frozen=True, slots=True)
class Answer:
    """`failure` is None for an item that is done, with `text` as its result; else what went wrong."""

    text: str = ""
    failure: str | None = None
    retry: bool = True


def answer_of(line: str) -> Answer:
    """One line without its end.

    `!retry MESSAGE` and `!fail MESSAGE` are failures, to be tried again or for good; everything else is a result.
    """
    word, _, message = line.partition(" ")
    if word in _WORDS:
        return Answer(failure=message.strip() or _UNNAMED, retry=_WORDS[word])
    return Answer(text=line)
