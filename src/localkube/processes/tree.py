"""Who is whose child, read from /proc, and the CPU time of living processes."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_CPUCLOCK_SCHED = 2
_CLOCK_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The direct children of a process; none if it is gone."""
    found: list[int] = []
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        # Either the process has gone or this kernel has no list of children.
        return _children_by_scan(pid) if not _lists_children() else found
    except OSError:
        return found
    return found


def _lists_children() -> bool:
    own = os.getpid()
    return (_PROC / str(own) / "task" / str(own) / "children").exists()


def _children_by_scan(pid: int) -> list[int]:
    found = []
    for entry in _PROC.iterdir():
        with suppress(OSError, ValueError, IndexError):
            if entry.name.isdigit() and int(_stat_fields(int(entry.name))[1]) == pid:
                found.append(int(entry.name))
    return found


def descendants(pid: int) -> list[int]:
    """Children, grandchildren and so on, parents first."""
    found: list[int] = []
    front = children(pid)
    while front:
        found += front
        front = [child for parent in front for child in children(parent)]
    return found


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (the state) on."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float:
    """CPU time of a living process, all its threads, and of the children it has waited for; 0 if it is gone."""
    # Linux encodes "the CPU clock of process PID" as a clock id; it counts nanoseconds where /proc counts ticks.
    clock = (~pid << 3) | _CPUCLOCK_SCHED
    try:
        fields = _stat_fields(pid)
        waited_for = (int(fields[13]) + int(fields[14])) * _CLOCK_TICK_SECONDS
        return time.clock_gettime(clock) + waited_for
    except (OSError, ValueError, IndexError):
        return 0.0
