"""Whether the kernel has killed a process of this container for want of memory, by its cgroup's counter."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Final

KILLED_CODES: Final = frozenset({-signal.SIGKILL, 128 + signal.SIGKILL})
"""Exit codes of a program that was ended by SIGKILL: itself, or what a shell ran for it."""
_MOUNT: Final = Path("/sys/fs/cgroup")
_COUNTER: Final = "oom_kill"


class MemoryKills:
    """The counter `oom_kill` of this process' cgroup, version 2 or 1."""

    def __init__(self, events: Path | None = None) -> None:
        self._events = events or _events_file()

    def count(self) -> int:
        """How many there have been; 0 for ever where the system does not say."""
        try:
            lines = self._events.read_text().splitlines()
        except OSError:
            return 0
        return sum(int(line.split()[1]) for line in lines if line.split()[:1] == [_COUNTER])

    def explains(self, exit_code: int, before: int) -> bool:
        """Whether a program that ended so is likely one of them, given the count before it was started."""
        return exit_code in KILLED_CODES and self.count() > before


def _events_file() -> Path:
    own = _MOUNT / _own_group().lstrip("/") / "memory.events"
    candidates = [own, _MOUNT / "memory.events", _MOUNT / "memory" / "memory.oom_control"]
    return next((path for path in candidates if path.exists()), own)


def _own_group() -> str:
    """This process' cgroup of version 2, as the container sees it."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    return next((line[3:] for line in lines if line.startswith("0::")), "")
