"""What the commands say while they work: what is waited for, and for how long already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from kubejobs.cli.live_line import LiveLine


class Console:
    """Messages for people, on a stream that is a terminal or a log."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @contextmanager
    def waiting(self, title: str) -> Iterator[Callable[[str], None]]:
        """A line with what is waited for; at the end of the block it says how long the whole took."""
        line = LiveLine(self.stream)
        started_at = time.monotonic()

        def say(text: str) -> None:
            line.show(f"{title}: waiting for {text} ({time.monotonic() - started_at:.0f} s)")

        line.show(f"{title} …")
        try:
            yield say
        except BaseException:
            line.end()
            raise
        line.end(f"{title}: done in {time.monotonic() - started_at:.1f} s")
