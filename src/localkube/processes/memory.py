"""A memory limit without cgroups: a process tree that uses more than its limit is killed as a whole.

What counts is what a cgroup would charge but the page cache: anonymous and shared memory. The sum over processes counts
what forked processes share several times, so a sum beyond the limit is measured again by proportional shares.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from localkube.processes.tree import descendants

CHECK_SECONDS = 0.2
_PROC = Path("/proc")
_KIBIBYTE = 1024


class MemoryGuard:
    """Watches the descendants of this process; `on_exceeded` is called once, before they are killed."""

    def __init__(self, limit_bytes: float, on_exceeded: Callable[[], None]) -> None:
        self._limit_bytes = limit_bytes
        self._on_exceeded = on_exceeded
        self._exceeded = False

    def step(self) -> float:
        """Measure, and kill the tree if it uses too much; returns the seconds until the next look."""
        processes = descendants(os.getpid())
        if used_bytes(processes) > self._limit_bytes and shared_bytes(processes) > self._limit_bytes:
            if not self._exceeded:
                self._exceeded = True
                self._on_exceeded()
            for pid in processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return CHECK_SECONDS


def used_bytes(processes: list[int]) -> int:
    """Resident anonymous and shared memory, what processes share counted for each of them: cheap."""
    return sum(_sum_of(pid, "status", ("RssAnon:", "RssShmem:")) for pid in processes)


def shared_bytes(processes: list[int]) -> int:
    """The same, what processes share being divided among them: slow for large processes."""
    return sum(_sum_of(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in processes)


def _sum_of(pid: int, file: str, names: tuple[str, ...]) -> int:
    """The named entries of a file of /proc/PID, in bytes; 0 if the process is gone."""
    try:
        lines = (_PROC / str(pid) / file).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * _KIBIBYTE for line in lines if line.startswith(names))
