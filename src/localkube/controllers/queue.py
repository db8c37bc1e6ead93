"""Keys that wait to be looked at: each once, not before its time, one after another.

Rule: event-driven; nothing runs while nothing changes. `delay_seconds` holds back every reaction to a change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from localkube.state.objects import Key

log = logging.getLogger(__name__)


class KeyQueue:
    """Calls `reconcile` with each key some time after it was added."""

    def __init__(self, reconcile: Callable[[Key], None], delay_seconds: float = 0.0) -> None:
        self._reconcile = reconcile
        self._delay_seconds = delay_seconds
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._closed = False

    def add(self, key: Key) -> None:
        """The key's object has changed."""
        self.add_after(key, self._delay_seconds)

    def add_after(self, key: Key, seconds: float) -> None:
        """Look at the key after that time, or earlier if it was asked for earlier."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + max(seconds, 0.0)
        present = self._timers.get(key)
        if present is not None:
            if present.when() <= due:
                return
            present.cancel()
        self._timers[key] = loop.call_at(due, self._run, key)

    def _run(self, key: Key) -> None:
        self._timers.pop(key, None)
        try:
            self._reconcile(key)
        except Exception:
            # One object's trouble must not stop the others; it is looked at again at its next change.
            log.exception("could not reconcile %s/%s", *key)

    def close(self) -> None:
        """Forget every key."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
