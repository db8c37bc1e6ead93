"""A clock that is moved by hand."""

import asyncio

import pytest

from kubejobs.testing import ManualClock


def test_time_passes_only_when_told_to() -> None:
    """By hand or by sleeping, which does not wait."""
    clock = ManualClock(1000.0)
    assert (clock.now(), clock.monotonic()) == (1000.0, 0.0)
    clock.advance(5.5)
    asyncio.run(clock.sleep(4.5))
    assert (clock.now(), clock.monotonic()) == (1010.0, 10.0)


def test_time_does_not_go_back() -> None:
    """A negative step is refused."""
    with pytest.raises(ValueError, match="can't go back"):
        ManualClock().advance(-1)
