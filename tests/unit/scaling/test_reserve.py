"""The aim, its reserve, and the replicas that meet it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubejobs.scaling.plan import plan_for
from kubejobs.scaling.reserve import LATEST_AIM, SURPRISE, Outlook, lease_reserve, replicas_to_end, reserve_for

OUTLOOK = Outlook(
    elapsed_seconds=100.0,
    expected_seconds=1000.0,
    interval_seconds=5.0,
    item_seconds=5.0,
    longest_seconds=0.0,
    items_left=900.0,
    items_total=1000,
    ready_replicas=6,
    most_replicas=40,
    availability=1.0,
    lag_seconds=20.0,
    lease_seconds=0.0,
)


def test_headroom_allows_a_reserve_for_a_surprise() -> None:
    """With many replicas to add the whole surprise can be met; where all are needed anyway there is none."""
    assert reserve_for(OUTLOOK).surprise == SURPRISE
    assert reserve_for(replace(OUTLOOK, most_replicas=7)).surprise == 0.0


def test_caution_scales_the_reserve() -> None:
    """None without caution, and a larger surprise and an earlier end with more of it."""
    reserves = [reserve_for(replace(OUTLOOK, caution=caution)) for caution in (0.0, 0.5, 1.0, 2.0)]
    assert reserves[0].surprise == 0.0
    assert reserves[1].surprise < reserves[2].surprise < reserves[3].surprise
    assert reserves[3].aim_seconds < reserves[2].aim_seconds <= reserves[0].aim_seconds


def test_less_headroom_aims_earlier() -> None:
    """The same surprise takes fewer replicas longer."""
    aims = [reserve_for(replace(OUTLOOK, most_replicas=most)).aim_seconds for most in (80, 40, 20)]
    assert aims == sorted(aims, reverse=True)
    assert aims[0] <= LATEST_AIM * 1000


@pytest.mark.parametrize(
    "changes",
    [{"lease_seconds": 60.0}, {"longest_seconds": 80.0}, {"item_seconds": 9.0}],
    ids=["leases", "a-long-item", "long-items"],
)
def test_what_may_come_last_needs_time(changes: dict[str, float]) -> None:
    """Leases that run out and long last items are kept room for."""
    usual, more = reserve_for(OUTLOOK), reserve_for(replace(OUTLOOK, **changes))
    assert more.tail_seconds > usual.tail_seconds
    assert more.aim_seconds < usual.aim_seconds


def test_a_late_run_still_aims_ahead() -> None:
    """The aim is never in the past, however much is left."""
    for elapsed in (900.0, 990.0, 1000.0, 1500.0):
        assert reserve_for(replace(OUTLOOK, elapsed_seconds=elapsed)).aim_seconds >= elapsed


def test_leases_count_with_the_losses_seen() -> None:
    """Nothing without losses, more with more of them, and at most one lease."""
    kept = [lease_reserve(60.0, lost, 10_000.0, 5, 10.0) for lost in (0, 1, 2, 500)]
    assert kept[0] == 0.0
    assert kept == sorted(kept)
    assert kept[-1] == 60.0


def test_replicas_do_the_work_in_time() -> None:
    """About work over time; more if new ones take long to come; without limit when there is no time."""
    needed = replicas_to_end(OUTLOOK, 700.0, 0.0)
    assert needed == pytest.approx(4500 / 600, rel=0.05)
    assert replicas_to_end(OUTLOOK, 700.0, 200.0) > needed
    assert replicas_to_end(replace(OUTLOOK, availability=0.5), 700.0, 0.0) == pytest.approx(2 * needed)
    assert replicas_to_end(OUTLOOK, 100.0, 0.0) == math.inf


def test_the_plan_orders_its_needs() -> None:
    """A later end needs fewer replicas; the most end earliest."""
    plan = plan_for(OUTLOOK)
    assert plan.needed_late <= plan.needed <= plan.needed_early
    assert plan.earliest_seconds < plan.end_seconds
    assert plan_for(replace(OUTLOOK, ready_replicas=0)).end_seconds == math.inf
    assert plan_for(replace(OUTLOOK, items_left=1.0)).earliest_seconds < 110.0


@settings(deadline=None)
@given(
    left=st.floats(1, 1000),
    more=st.floats(0, 1000),
    item_seconds=st.floats(0.01, 500),
    elapsed=st.floats(0, 999),
    ready=st.integers(0, 40),
)
def test_more_work_never_needs_fewer_replicas(
    left: float, more: float, item_seconds: float, elapsed: float, ready: int
) -> None:
    """At the same pace and time, if new replicas come at once."""
    outlook = replace(
        OUTLOOK, item_seconds=item_seconds, elapsed_seconds=elapsed, ready_replicas=ready, lag_seconds=0.0
    )
    needs = [plan_for(replace(outlook, items_left=items)).needed for items in (left, min(left + more, 1000.0))]
    assert needs[0] <= needs[1] * (1 + 1e-9)
