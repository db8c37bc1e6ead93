"""When the loop looks and when it decides.

Rule: decisions keep to a grid of `check_interval` by the queue server's clock that does not drift and outlives a
restart; looks come more often, to keep the lead, see signals, and notice the end.
"""

from __future__ import annotations

import math

from kubejobs.control.look import Look
from kubejobs.control.memory import Memory
from kubejobs.control.timing import ControlTimings

_LONGEST_EARLINESS_SECONDS = 0.05
_SHARE_OF_WAITING = 0.05
_SHORTEST_PAUSE_SECONDS = 0.01


class Schedule:
    """The grid of one run; `interval_seconds` lies between two decisions."""

    def __init__(self, interval_seconds: float, timings: ControlTimings) -> None:
        self._interval = interval_seconds
        self._timings = timings
        self._earliness = min(_LONGEST_EARLINESS_SECONDS, interval_seconds / 10)

    def is_due(self, time: float, memory: Memory) -> bool:
        """Whether to decide at `time`; a server's clock that was set back does not hold up decisions."""
        ahead = memory.next_tick_at - time
        return ahead <= self._earliness or ahead > self._interval + self._earliness

    def following(self, time: float, memory: Memory) -> float:
        """The next point of the grid after `time`; points that were missed are left out."""
        late = time + self._earliness - memory.next_tick_at
        if memory.next_tick_at == 0 or late < 0:
            return time + self._interval
        return memory.next_tick_at + (math.floor(late / self._interval) + 1) * self._interval

    def pause(self, look: Look, memory: Memory, since_look_seconds: float) -> float:
        """Seconds to sleep after a look that was taken `since_look_seconds` ago."""
        until_tick = memory.next_tick_at - look.snapshot.time - since_look_seconds
        return max(min(until_tick, self._between_looks(look, memory)), _SHORTEST_PAUSE_SECONDS)

    def _between_looks(self, look: Look, memory: Memory) -> float:
        """Near the end, before the Job exists and while workers drain every second, then ever less often."""
        longest = self._timings.longest_pause_seconds
        counts = look.snapshot.counts
        if memory.drain is not None:
            asked_at = memory.drain.steps[-1].asked_at if memory.drain.steps else look.snapshot.time
            draining = (look.snapshot.time - asked_at) * _SHARE_OF_WAITING
            return min(max(self._timings.end_pause_seconds, draining), longest)
        if (counts.queued or counts.delayed) and not memory.stopping and memory.job_seen:
            return longest
        waiting = (look.snapshot.time - memory.progressed_at) * _SHARE_OF_WAITING
        return min(max(self._timings.end_pause_seconds, waiting), longest)
