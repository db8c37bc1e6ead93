"""What the timed items wrote down → what a kill interrupted and when it ran again. Pure, but for reading the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Event:
    """The `start` or `end` of an item in a process of a worker, in seconds of the machine's monotonic clock."""

    what: str
    item: str
    worker: str
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class Kill:
    """The end of a worker, in seconds of the machine's monotonic clock."""

    worker: str
    at: float


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of a run.

    `restarted_after` has the seconds from each kill to the next start of each item that it interrupted. `lost` items
    had not ended when the watching ended, `twice` ended more than once.
    """

    interrupted: int
    restarted_after: tuple[float, ...]
    lost: int
    twice: int


def read_events(path: Path) -> list[Event]:
    """The whole lines that there are by now."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [Event(what, item, worker, int(pid), float(at)) for what, item, worker, pid, at in map(str.split, lines)]


def judged(events: Sequence[Event], kills: Sequence[Kill], items: int) -> Recovery:
    """What the kills did to a run of `items` items."""
    ends = Counter(event.item for event in events if event.what == "end")
    interrupted = [(kill, item) for kill in kills for item in _interrupted(events, kill)]
    after = []
    for kill, item in interrupted:
        again = [
            e.at for e in events if e.what == "start" and e.item == item and e.worker != kill.worker and e.at > kill.at
        ]
        if again:
            after.append(min(again) - kill.at)
    return Recovery(len(interrupted), tuple(after), items - len(ends), sum(n > 1 for n in ends.values()))


def _interrupted(events: Sequence[Event], kill: Kill) -> list[str]:
    """Items that the killed worker had started and not ended."""
    unfinished: dict[str, bool] = {}
    for event in events:
        if event.worker == kill.worker:
            unfinished[event.item] = event.what == "start"
    return [item for item, running in unfinished.items() if running]
