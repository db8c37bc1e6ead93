"""A CPU limit without cgroups: a process tree is stopped while it has used more than its share.

A token bucket: the tree earns `cores` CPU seconds a second, at most one period's worth; at or below zero it is
stopped (SIGSTOP) and goes on (SIGCONT) when a period's worth is there again. What it used too much is paid back.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from localkube.processes.tree import cpu_seconds, descendants

PERIOD_SECONDS = 0.1
_SHORTEST_CHECK_SECONDS = 0.004
_IDLE_SHARE = 0.02


class Throttle:
    """Keeps the descendants of this process within `cores`."""

    def __init__(self, cores: float) -> None:
        self._cores = cores
        self._full = cores * PERIOD_SECONDS
        self._budget = self._full
        self._known: dict[int, float] = {}
        self._at = time.monotonic()
        self._stopped = False

    def step(self) -> float:
        """Measure, stop or continue; returns the seconds until the next look."""
        processes = descendants(os.getpid())
        used, elapsed = self._measure(processes)
        self._budget = min(self._budget + elapsed * self._cores - used, self._full)
        if self._stopped:
            if self._budget < self._full:
                return max((self._full - self._budget) / self._cores, _SHORTEST_CHECK_SECONDS)
            self.release(processes)
        elif self._budget <= 0:
            self._stop(processes)
            return (self._full - self._budget) / self._cores
        if used < elapsed * _IDLE_SHARE:
            return PERIOD_SECONDS
        return max(self._budget / (os.cpu_count() or 1), _SHORTEST_CHECK_SECONDS)

    def _measure(self, processes: list[int]) -> tuple[float, float]:
        """CPU seconds and seconds since the last look."""
        now = time.monotonic()
        usage = {pid: cpu_seconds(pid) for pid in processes}
        # A process that has ended was counted until the last look; its parent's total has the rest.
        used = sum(max(seconds - self._known.get(pid, 0.0), 0.0) for pid, seconds in usage.items())
        elapsed, self._known, self._at = now - self._at, usage, now
        return used, elapsed

    def _stop(self, processes: list[int]) -> None:
        self._stopped = True
        seen: set[int] = set()
        # A process may fork until it is stopped, so look again until nothing new is found.
        while fresh := [pid for pid in processes if pid not in seen]:
            _signal_all(fresh, signal.SIGSTOP)
            seen.update(fresh)
            processes = descendants(os.getpid())

    def release(self, processes: list[int] | None = None) -> None:
        """Let the tree run, with a full budget: its children hear a signal only when they run."""
        _signal_all(descendants(os.getpid()) if processes is None else processes, signal.SIGCONT)
        self._stopped, self._budget = False, self._full


def _signal_all(processes: list[int], number: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
