"""What the helper does at each look: renew what is due, give back what waits, open or close the readiness port."""

from __future__ import annotations

import mmap
import sys
import time
from collections.abc import Callable
from typing import Any

from kubejobs.worker.helper.giving_back import Impatience
from kubejobs.worker.helper.readiness import Readiness
from kubejobs.worker.helper.slots import ACTIVE, DRAINING, SLOT_BYTES, Slot
from kubejobs.workqueue.resp import ReplyError
from kubejobs.workqueue.wire import Wire

_CALL_SECONDS = 5.0


class Keeper:
    """Looks after the sessions of one worker process."""

    def __init__(self, config: dict[str, Any], area: mmap.mmap) -> None:
        self._config = config
        self._wire = Wire(**config["server"], call_seconds=_CALL_SECONDS)
        self._slots = [Slot(area, index) for index in range(len(area) // SLOT_BYTES)]
        self._impatiences = [Impatience(slot, self._give_back, time.sleep) for slot in self._slots]
        self._interval_seconds = float(config["interval_seconds"])
        self._renewed_at = time.monotonic()
        self._readiness = Readiness(config["ready_host"], config["ready_port"]) if config["ready_port"] else None
        self._set_readiness()

    def readiness_descriptor(self) -> list[int]:
        """What to wait on for a probe, if there is anything."""
        descriptor = self._readiness.fileno() if self._readiness else -1
        return [descriptor] if descriptor >= 0 else []

    def look(self, now: float) -> None:
        """One look; `now` is a steady clock's, in seconds. Failures are reported and tried again at a later one."""
        self._set_readiness()
        for impatience in self._impatiences:
            _attempt("items were not given back", impatience.look, now)
        if now - self._renewed_at >= self._interval_seconds:
            self._renewed_at = now
            for lease in filter(None, [slot.lease() for slot in self._slots]):
                _attempt("a lease was not renewed", self._renew, lease)

    def _set_readiness(self) -> None:
        if self._readiness:
            states = {slot.state for slot in self._slots}
            self._readiness.set(ready=ACTIVE in states or DRAINING not in states)
            self._readiness.answer()

    def _renew(self, lease: str) -> None:
        self._call("renew", lease, str(self._config["lease_ms"]))

    def _give_back(self, lease: str, keep: int) -> None:
        self._call("unstart", lease, str(keep))

    def _call(self, script: str, *arguments: str) -> None:
        self._wire.run(*self._config[script], self._config["base"], *arguments)

    def close(self) -> None:
        """Close the port, the connection and the view of the shared memory."""
        if self._readiness:
            self._readiness.close()
        self._wire.close()
        for slot in self._slots:
            slot.close()


def _attempt(failure: str, action: Callable[..., None], *arguments: Any) -> None:
    try:
        action(*arguments)
    except (OSError, ReplyError) as error:
        sys.stderr.write(f"kubejobs heartbeat: {failure}, trying again: {error}\n")
        sys.stderr.flush()
