"""The items of one lease: what is told of them."""

from collections.abc import Callable, Iterator

import pytest

from kubejobs.durations import bucket_of
from kubejobs.worker.held import Held
from kubejobs.workqueue.leasing import Ending, Outcome


def clock_at(*times: float) -> Callable[[], float]:
    """A clock that shows these times, one a look."""
    return iter(times).__next__


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by `step` at each look."""

    def times() -> Iterator[float]:
        now = 0.0
        while True:
            now += step
            yield now

    return times().__next__


def test_outcomes_name_what_is_not_plainly_done() -> None:
    """Ended ones as they ended, and what was not started goes back."""
    held = Held(("a", "b", "c", "d"), 2)
    first, second = held.start_next(), held.start_next()
    second.result(1)
    assert (first.attempt, held.present, len(held), held.first) == (2, second, 4, "a")
    assert held.outcomes() == [
        Outcome(2, Ending.RESULT, '["b",1]'),
        Outcome(3, Ending.RETURN),
        Outcome(4, Ending.RETURN),
    ]


def test_no_lease_tells_nothing() -> None:
    """An idle turn carries neither times nor ends."""
    held = Held()
    assert (held.outcomes(), held.durations(), held.worked_seconds(), held.present) == ([], {}, 0.0, None)


def test_each_item_has_its_duration() -> None:
    """From its own start to the next one's, the last until now."""
    held = Held(("a", "b", "c", "d"), clock=clock_at(0.0, 1.0, 3.0, 7.0, 7.5, 8.0))
    for _ in range(3):
        held.start_next()
    assert held.durations() == {bucket_of(2.0): 1, bucket_of(4.0): 1, bucket_of(0.5): 1}
    assert held.worked_seconds() == 8.0


def test_what_goes_back_has_no_duration() -> None:
    """It has not ended."""
    held = Held(("a", "b"), clock=clock_at(0.0, 0.0, 1.0, 5.0))
    held.start_next()
    held.start_next().release()
    assert held.durations() == {bucket_of(1.0): 1}


@pytest.mark.parametrize(("released", "count"), [(False, 3), (True, 2)], ids=["all done", "one given back"])
def test_very_short_items_are_counted_with_their_mean(released: bool, count: int) -> None:
    """One number for all of them."""
    held = Held(("a", "b", "c"), clock=ticking(0.0001))
    items = [held.start_next() for _ in range(3)]
    if released:
        items[1].release()
    [(bucket, counted)] = held.durations().items()
    assert (bucket, counted) == (bucket_of(0.0001), count)
