"""How long an item takes, from counts."""

from __future__ import annotations

import pytest

from kubejobs.scaling.rate import LARGEST_SLOWDOWN, Rate


def worked(rate: Rate, item_seconds: float, seconds: int, busy: int = 4) -> Rate:
    """`rate` after so many seconds of `busy` replicas, looked at every 5 s."""
    for at in range(0, seconds, 5):
        ended = int((at + 5) * busy / item_seconds) - int(at * busy / item_seconds)
        rate = rate.after(5.0, busy, ended, 1000.0)
    return rate


@pytest.mark.parametrize("item_seconds", [0.5, 4.0, 20.0])
def test_finds_the_mean(item_seconds: float) -> None:
    """Busy seconds over items, those in progress counted in part."""
    rate = worked(Rate(busy=4), item_seconds, 400)
    assert rate.mean_seconds == pytest.approx(item_seconds, rel=0.1)
    assert rate.slowdown(100) == pytest.approx(1.0, abs=0.2)


def test_nothing_is_known_before_an_item_has_ended() -> None:
    """Then only the age of the items in progress is."""
    rate = worked(Rate(busy=4), 1e9, 30)
    assert not rate.known
    assert rate.age_seconds == pytest.approx(30.0, rel=0.05)
    assert Rate().slowdown(100) == 1.0


def test_a_slow_stretch_is_seen_at_once_and_a_fast_one_slowly() -> None:
    """Without any completion the recent readings rise within a few items' time; faster items lower the mean slowly."""
    steady = worked(Rate(busy=4), 4.0, 400)
    assert worked(steady, 1e9, 40).slowdown(50) > 2
    assert worked(steady, 1e9, 4000).slowdown(50) <= LARGEST_SLOWDOWN
    assert worked(steady, 2.0, 40).mean_seconds > 2.5


def test_a_short_stretch_says_little_about_a_long_list() -> None:
    """The more items are left, the less of a slow-down is taken to hold for all of them."""
    stalled = worked(worked(Rate(busy=4), 4.0, 400), 1e9, 40)
    assert stalled.slowdown(50) > stalled.slowdown(2_000) > stalled.slowdown(20_000) >= 1.0


def test_a_restart_begins_with_a_mean() -> None:
    """It counts for a few items, so that it is soon replaced by what is measured."""
    rate = Rate().started(10.0, 4)
    assert rate.known
    assert worked(rate, 2.0, 200).mean_seconds == pytest.approx(2.0, rel=0.2)
