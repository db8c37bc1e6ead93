"""One line that is updated in place on a terminal, and repeated every few seconds elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

_CLEAR_LINE = "\r\x1b[2K"


class LiveLine:
    """Shows the newest state of something on `stream`.

    On a terminal the line is redrawn; in a pipe or a log it is printed at most every `every_seconds`, if it changed.
    """

    def __init__(
        self, stream: TextIO, *, every_seconds: float = 5.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._every_seconds = every_seconds
        self._monotonic = monotonic
        self._last_text = ""
        self._last_shown_at: float | None = None
        self._open = False

    def show(self, text: str) -> None:
        """Replace the line by `text`, cut to the terminal's width."""
        if self._terminal:
            width = shutil.get_terminal_size().columns
            self._stream.write(_CLEAR_LINE + text[: max(width - 1, 1)])
            self._open = True
        elif text == self._last_text or not self._due():
            return
        else:
            self._stream.write(text + "\n")
            self._last_shown_at = self._monotonic()
        self._last_text = text
        self._stream.flush()

    def end(self, text: str | None = None) -> None:
        """Leave the line as it is, or with a last `text`, and go on below it."""
        if text is not None:
            self._last_shown_at = None
            self.show(text)
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _due(self) -> bool:
        return self._last_shown_at is None or self._monotonic() - self._last_shown_at >= self._every_seconds
