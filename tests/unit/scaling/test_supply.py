"""Start-up time, availability, room, losses and arrivals, from one look to the next."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kubejobs.scaling.flow import Flow
from kubejobs.scaling.look import Look
from kubejobs.scaling.room import Room
from kubejobs.scaling.supply import LAG_PRIOR_SECONDS, Supply


def supply_after(looks: list[Look]) -> Supply:
    """What some looks tell."""
    supply = Supply()
    for before, now in pairwise(looks):
        supply = supply.after(before, now, limited=False)
    return supply


def test_start_up_time_is_measured() -> None:
    """Twenty replicas that took 100 s each outweigh the prior."""
    looks = [Look(t * 10.0, desired=20, pending=20) for t in range(11)]
    looks.append(Look(100.001, desired=20, ready=20))
    assert Supply().lag_seconds == LAG_PRIOR_SECONDS
    assert 80 < supply_after(looks).lag_seconds <= 105


def test_replicas_that_stay_away_are_planned_without() -> None:
    """Availability is the share that is ready long after the last change."""
    looks = [Look(t * 10.0, desired=10, ready=8) for t in range(100)]
    assert supply_after(looks).availability(1000.0) == pytest.approx(0.8, abs=0.02)
    assert Supply().availability(1000.0) == 1.0


def test_room_is_found_out_and_looked_for_again() -> None:
    """Pods pending long after they were asked for show the room; it is forgotten after a while, later each time."""
    looks = [Look(t * 10.0, desired=9, ready=4, pending=5) for t in range(100)]
    room, limited = Room(), []
    for before, now in pairwise(looks):
        room = room.after(before, now, 20.0, 1000.0)
        limited.append(room.limited)
        assert room.replicas in {0, 4}
    spells = "".join("x" if one else " " for one in limited).split()
    assert len(spells) > 1
    assert len(spells[1]) > len(spells[0])


def test_items_without_a_worker_are_lost() -> None:
    """Those in progress beyond the replicas that could hold one; each is counted once."""
    looks = [Look(0.0, leased=5, ready=5), Look(10.0, leased=5, ready=3), Look(20.0, leased=5, ready=3)]
    flow = Flow().after(looks[0], looks[1], 1000.0).after(looks[1], looks[2], 1000.0)
    assert (flow.lost, flow.orphan_seconds) == (2, 40.0)


def test_a_stream_of_items_is_told_from_a_batch() -> None:
    """Five hundred at once are forgotten, a few at each look are expected to go on."""
    stream, batch = Flow(), Flow()
    for at in range(40):
        stream = stream.after(Look(at * 10.0, total=at * 5), Look(at * 10.0 + 10, total=at * 5 + 5), 1000.0)
        batch = batch.after(Look(at * 10.0, total=500 * (at > 0)), Look(at * 10.0 + 10, total=500), 1000.0)
    assert stream.trickle_per_second == pytest.approx(0.5, rel=0.15)
    assert batch.trickle_per_second < 0.01
