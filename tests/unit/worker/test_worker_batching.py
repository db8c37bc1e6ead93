"""How many items a lease has."""

import pytest

from kubejobs.worker.batching import TARGET_SECONDS, AdaptiveBatch, FixedBatch, batch_of


def sizes_of(batch: AdaptiveBatch, item_seconds: float, leases: int) -> list[int]:
    """The sizes of so many leases in a row, all items taking the same time."""
    sizes = []
    for _ in range(leases):
        sizes.append(batch.size)
        batch.note(batch.size * item_seconds, batch.size)
    return sizes


def test_batches_grow_to_what_the_time_allows() -> None:
    """From one item, at most to the double each time."""
    assert sizes_of(AdaptiveBatch(), TARGET_SECONDS / 20.5, 7) == [1, 2, 4, 8, 16, 20, 20]


@pytest.mark.parametrize(
    ("item_seconds", "size"),
    [
        pytest.param(0.0, 1000, id="no time at all"),
        pytest.param(1e-6, 1000, id="microseconds"),
        pytest.param(0.001, 75, id="a millisecond"),
        pytest.param(0.05, 1, id="most of the target"),
        pytest.param(10.0, 1, id="seconds"),
    ],
)
def test_a_lease_is_a_fraction_of_a_second(item_seconds: float, size: int) -> None:
    """Of items up to 1000, at least of one."""
    assert sizes_of(AdaptiveBatch(), item_seconds, 20)[-1] in {size, size - 1}


def test_slower_items_shrink_the_batch_at_once() -> None:
    """What was right for the items before would keep others waiting now."""
    batch = AdaptiveBatch()
    sizes_of(batch, 0.0001, 20)
    before = batch.size
    batch.note(1.0, 10)
    assert (before > 500, batch.size) == (True, 1)


def test_a_turn_without_items_teaches_nothing() -> None:
    """An idle worker does not take the wait for work."""
    batch = AdaptiveBatch()
    sizes_of(batch, 0.001, 5)
    before = batch.size
    batch.note(60.0, 0)
    assert batch.size == before


@pytest.mark.parametrize(
    ("batch", "max_attempts", "kind", "size"),
    [
        pytest.param("auto", 3, AdaptiveBatch, 1, id="adaptive"),
        pytest.param(100, 3, FixedBatch, 100, id="fixed"),
        pytest.param("auto", 1, FixedBatch, 1, id="a single attempt, adaptive"),
        pytest.param(100, 1, FixedBatch, 1, id="a single attempt, fixed"),
    ],
)
def test_the_kind_of_batch_is_as_asked(batch: int, max_attempts: int, kind: type, size: int) -> None:
    """But with a single attempt an item that kills its worker would end all of a batch."""
    made = batch_of(batch, max_attempts)
    made.note(0.0, 0)
    assert (type(made), made.size, made.shares) == (kind, size, kind is AdaptiveBatch)
