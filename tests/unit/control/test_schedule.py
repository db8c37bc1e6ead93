"""When the loop looks and decides."""

from __future__ import annotations

import pytest

from kubejobs.control.look import Look
from kubejobs.control.memory import Memory
from kubejobs.control.ports import JobStatus
from kubejobs.control.schedule import Schedule
from kubejobs.control.timing import ControlTimings
from kubejobs.workqueue.types import Counts, QueueSnapshot

SCHEDULE = Schedule(10.0, ControlTimings(leader_ttl_seconds=15.0, end_pause_seconds=1.0))


def look(time: float, *, queued: int = 5, leased: int = 1) -> Look:
    """A look at a run that goes on."""
    return Look(QueueSnapshot(time, Counts(queued=queued, leased=leased)), JobStatus(parallelism=1))


@pytest.mark.parametrize(
    ("time", "planned", "due"),
    [(100.0, 0.0, True), (99.0, 100.0, False), (99.96, 100.0, True), (130.0, 100.0, True), (50.0, 100.0, True)],
    ids=["first", "early", "a-wink-early", "late", "clock-set-back"],
)
def test_is_due(time: float, planned: float, due: bool) -> None:
    """At the planned time, give or take a wink, or when the server's clock was set back by more than an interval."""
    assert SCHEDULE.is_due(time, Memory(next_tick_at=planned)) is due


@pytest.mark.parametrize(
    ("time", "planned", "following"),
    [(100.0, 0.0, 110.0), (100.0, 100.0, 110.0), (104.0, 100.0, 110.0), (99.96, 100.0, 110.0), (134.0, 100.0, 140.0),
     (50.0, 100.0, 60.0)],
    ids=["first", "on-time", "late", "a-wink-early", "missed-three", "clock-set-back"],
)  # fmt: skip
def test_following_stays_on_the_grid(time: float, planned: float, following: float) -> None:
    """A late turn does not shift the next, and missed ones are left out."""
    assert SCHEDULE.following(time, Memory(next_tick_at=planned)) == pytest.approx(following)


@pytest.mark.parametrize(
    ("seen", "memory", "pause"),
    [
        (look(100.0), Memory(next_tick_at=110.0, replicas=1), 5.0),
        (look(100.0), Memory(next_tick_at=102.0, replicas=1), 2.0),
        (look(100.0), Memory(next_tick_at=90.0, replicas=1), 0.01),
        (look(100.0), Memory(next_tick_at=110.0, progressed_at=99.0), 1.0),
        (look(100.0, queued=0), Memory(next_tick_at=110.0, replicas=1, progressed_at=99.0), 1.0),
        (look(100.0, queued=0), Memory(next_tick_at=110.0, replicas=1, progressed_at=60.0), 2.0),
        (look(900.0, queued=0), Memory(next_tick_at=910.0, replicas=1, progressed_at=60.0), 5.0),
        (look(100.0), Memory(next_tick_at=110.0, replicas=1, stopping=True, progressed_at=99.0), 1.0),
    ],
    ids=["keeps-the-lead", "until-tick", "overdue", "no-job-yet", "last-items", "long-items", "very-long", "stopping"],
)
def test_pause(seen: Look, memory: Memory, pause: float) -> None:
    """The next decision, the lead, or the nearing end: whichever comes first."""
    assert SCHEDULE.pause(seen, memory, 0.0) == pytest.approx(pause)
