"""One term's memory and its way into the journal: whoever acts in a term writes here first.

Rule: every line is written under the leader's token, together with the memory as it then is.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from kubejobs.control.journal import Event, line_of
from kubejobs.control.look import Look
from kubejobs.control.memory import Memory
from kubejobs.control.parts import Parts

log = logging.getLogger(__name__)


class Record:
    """The memory of one term; `write` raises LeadershipLostError once another loop leads."""

    def __init__(self, parts: Parts, token: int, memory: Memory) -> None:
        self._parts = parts
        self._token = token
        self.memory = memory

    def remember(self, **changes: Any) -> None:
        """Change fields of the memory; they are stored with the next line."""
        self.memory = replace(self.memory, **changes)

    async def write(self, event: Event, look: Look, **fields: Any) -> None:
        """The next line; `fields` as for `line_of`."""
        line = line_of(event, look, self._parts.plan, self._desired(look), **fields)
        memory = replace(self.memory, seq=self.memory.seq + 1)
        await self._parts.queue.save_turn(self._token, {"seq": memory.seq} | line, memory.to_dict())
        self.memory = memory
        decision = line["decision"]
        text = line.get("message") or (
            f"{decision['reason']}: {decision['message']}" if decision else "nothing to decide"
        )
        level = logging.WARNING if event in _WORTH_A_WARNING else logging.INFO
        log.log(level, "%s: %s %s", self._parts.name, event, text)

    def _desired(self, look: Look) -> int | None:
        return None if look.job is None else self.memory.desired(look.job)


_WORTH_A_WARNING = frozenset(
    {
        Event.ACTUATION_FAILED,
        Event.DEGRADED,
        Event.DRAIN_ESCALATED,
        Event.WORKERS_LOST,
        Event.WORKERS_RELEASED,
        Event.RECOVERED,
    }
)
