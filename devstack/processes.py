"""Which processes there are, and how to end a whole family of them; read from Linux' /proc.

Rule: a process is named by its id *and* its start time, so that a reused id is never mistaken for the first one.
"""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_STATE_FIELD, _PARENT_FIELD, _SESSION_FIELD, _START_FIELD = 0, 1, 3, 19
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Process:
    """A process: its id and when it started, in the kernel's clock ticks since boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this id now, or None."""
        fields = _stat(pid)
        return None if fields is None else cls(pid, int(fields[_START_FIELD]))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        fields = _stat(self.pid)
        return fields is not None and int(fields[_START_FIELD]) == self.started and fields[_STATE_FIELD] not in "ZX"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if the process has ended."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def descendants(pid: int) -> list[Process]:
    """All children of a process, their children and so on; a subreaper's orphans are among its children."""
    children: dict[int, list[int]] = {}
    found: dict[int, Process] = {}
    for each, fields in _all():
        children.setdefault(int(fields[_PARENT_FIELD]), []).append(each)
        found[each] = Process(each, int(fields[_START_FIELD]))
    family: list[Process] = []
    waiting = list(children.get(pid, []))
    while waiting:
        each = waiting.pop()
        family.append(found[each])
        waiting.extend(children.get(each, []))
    return family


def of_sessions(leaders: list[Process]) -> list[Process]:
    """All living processes of the sessions that these processes led, which may have ended themselves.

    An id that leads a session is not given away while the session has members; a leader with another start time means
    that all of them have ended and the id is somebody else's now.
    """
    now = {leader.pid: Process.of(leader.pid) for leader in leaders}
    started = {leader.pid: leader.started for leader in leaders if now[leader.pid] in (None, leader)}
    return [
        Process(pid, int(fields[_START_FIELD]))
        for pid, fields in _all()
        if int(fields[_SESSION_FIELD]) in started
        and int(fields[_START_FIELD]) >= started[int(fields[_SESSION_FIELD])]
        and fields[_STATE_FIELD] not in "ZX"
    ]


def boot_id() -> str:
    """What tells one boot of this machine from another: process ids and start times say nothing across them."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def become_subreaper() -> None:
    """Make orphans among this process' descendants its own children, so that none can leave the family."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: signal.Signals) -> None:
    """Ask the kernel to send this process a signal when its parent ends, however that ends."""
    _prctl(_PR_SET_PDEATHSIG, int(number))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) was refused; this needs Linux")


def _all() -> list[tuple[int, list[str]]]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [(pid, fields) for pid in pids if (fields := _stat(pid)) is not None]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat that follow the name, which may itself hold spaces and parentheses."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
