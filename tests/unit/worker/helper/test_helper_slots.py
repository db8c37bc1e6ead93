"""The memory that a worker and its helper process share, and the agreement on what is given back."""

import mmap
from collections.abc import Iterator

import pytest

from kubejobs.worker.helper.giving_back import FENCE_SECONDS, PATIENCE_SECONDS, Impatience
from kubejobs.worker.helper.slots import ACTIVE, DRAINING, SLOT_BYTES, Slot


@pytest.fixture
def area() -> Iterator[mmap.mmap]:
    """Room for two sessions."""
    with mmap.mmap(-1, 2 * SLOT_BYTES) as area:
        yield area


class HelperSlot(Slot):
    """The helper's view, where the worker may be quicker than the helper's first word."""

    def quicker(self) -> None:
        """What the worker does just before that word."""

    def keep(self, word: int) -> None:
        """Write the word after what the worker did."""
        act, self.quicker = self.quicker, lambda: None
        act()
        super().keep(word)


@pytest.fixture
def slots(area: mmap.mmap) -> Iterator[tuple[Slot, HelperSlot]]:
    """A worker's view of the second session's slot, and the helper's."""
    sides = Slot(area, 1), HelperSlot(area, 1)
    yield sides
    for side in sides:
        side.close()


class Helper:
    """The helper's side with a clock of the test, and what it gave back."""

    def __init__(self, slot: Slot) -> None:
        self.now = 0.0
        self.given: list[tuple[str, int]] = []
        self.waited: list[float] = []
        self.fails = False
        self.meanwhile = lambda: None
        self._impatience = Impatience(slot, self._give_back, self._wait)

    def _give_back(self, lease: str, keep: int) -> None:
        if self.fails:
            raise ConnectionError("away")
        self.given.append((lease, keep))

    def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.meanwhile()

    def look_after(self, seconds: float) -> None:
        """Another look after a while."""
        self.now += seconds
        self._impatience.look(self.now)


@pytest.mark.parametrize(
    "lease", ["", "pod-1/abc.1", "pod-1/abc.12@3", "p" * 900], ids=["none", "usual", "level", "long"]
)
def test_the_lease_is_read_as_written(slots: tuple[Slot, HelperSlot], lease: str) -> None:
    """Whatever was there before."""
    worker, helper = slots
    worker.watch("an earlier, longer lease", 3)
    worker.watch(lease, 1)
    assert helper.lease() == lease


def test_sessions_do_not_disturb_each_other(area: mmap.mmap, slots: tuple[Slot, HelperSlot]) -> None:
    """Each has its lease and its state."""
    other = Slot(area, 0)
    other.watch("o" * 900, 5)
    other.state = DRAINING
    slots[0].watch("mine", 2)
    slots[0].state = ACTIVE
    assert (other.lease(), other.state, slots[1].lease(), slots[1].state) == ("o" * 900, DRAINING, "mine", ACTIVE)
    other.close()


def test_what_waits_behind_a_long_item_is_given_back_once(slots: tuple[Slot, HelperSlot]) -> None:
    """After a while, by the lease's name; and the worker starts none of it."""
    worker, helper = slots[0], Helper(slots[1])
    worker.watch("pod/x.7@2", 5)
    assert worker.start(1)
    assert worker.start(2)
    helper.look_after(0.0)
    helper.look_after(PATIENCE_SECONDS * 0.9)
    assert helper.given == []
    helper.look_after(PATIENCE_SECONDS * 0.2)
    helper.look_after(PATIENCE_SECONDS)
    assert (helper.given, helper.waited) == ([("pod/x.7@2", 2)], [FENCE_SECONDS])
    assert not worker.start(3)


def test_an_item_started_meanwhile_is_kept_from_the_helper(slots: tuple[Slot, HelperSlot]) -> None:
    """Where each sees the other's word both hold back: then it is the worker's turn that gives the items back."""
    worker, helper = slots[0], Helper(slots[1])
    worker.watch("lease", 4)
    worker.start(1)
    helper.look_after(0.0)
    seen: list[bool] = []
    helper.meanwhile = lambda: seen.append(worker.start(2))
    helper.look_after(PATIENCE_SECONDS)
    assert (helper.given, seen) == ([], [False])


@pytest.mark.parametrize("items", [3, 2], ids=["more wait", "the last one"])
def test_an_item_started_before_is_the_worker_s(slots: tuple[Slot, HelperSlot], items: int) -> None:
    """The helper that was about to speak of the item before it sees that it is too late."""
    worker, helper = slots[0], Helper(slots[1])
    worker.watch("lease", items)
    worker.start(1)
    helper.look_after(0.0)
    seen: list[bool] = []
    slots[1].quicker = lambda: seen.append(worker.start(2))
    helper.look_after(PATIENCE_SECONDS)
    assert (helper.given, seen) == ([], [True])
    assert worker.start(3) if items == 3 else not slots[1].started


def test_a_new_lease_is_not_held_by_what_was_said_of_the_last(slots: tuple[Slot, HelperSlot]) -> None:
    """Even where the helper speaks between the two."""
    worker, helper = slots[0], Helper(slots[1])
    worker.watch("first", 3)
    worker.start(1)
    helper.look_after(0.0)
    started: list[bool] = []

    def take_another() -> None:
        worker.watch("second", 3)
        started.append(worker.start(1))

    helper.meanwhile = take_another
    helper.look_after(PATIENCE_SECONDS)
    assert (helper.given, started, worker.start(2)) == ([], [True], True)


@pytest.mark.parametrize(
    ("items", "starts"),
    [pytest.param(1, 1, id="one item"), pytest.param(3, 3, id="at the last item"), pytest.param(3, 0, id="none yet")],
)
def test_nothing_is_given_back_where_nothing_waits(slots: tuple[Slot, HelperSlot], items: int, starts: int) -> None:
    """However long the item takes."""
    worker, helper = slots[0], Helper(slots[1])
    worker.watch("lease", items)
    for place in range(1, starts + 1):
        assert worker.start(place)
    for _ in range(5):
        helper.look_after(PATIENCE_SECONDS)
    assert helper.given == []


def test_a_server_that_is_away_is_told_later(slots: tuple[Slot, HelperSlot]) -> None:
    """What it was not told is not started meanwhile."""
    worker, helper = slots[0], Helper(slots[1])
    worker.watch("lease", 3)
    worker.start(1)
    helper.look_after(0.0)
    helper.fails = True
    with pytest.raises(ConnectionError):
        helper.look_after(PATIENCE_SECONDS)
    assert not worker.start(2)
    helper.fails = False
    worker.watch("another", 3)
    worker.start(1)
    helper.look_after(PATIENCE_SECONDS)
    helper.look_after(PATIENCE_SECONDS)
    assert helper.given == [("another", 1)]
