"""The queue's server killed with -9 while deploy fills it: each item is there once, or deploy hears of it."""

from collections.abc import Callable, Iterator

import pytest

from chaos.workload import mixed_items
from kubejobs.errors import QueueError, QueueUnavailableError
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts
from support.valkey import ValkeyServer, running_valkey

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")


def with_an_event_at_the_half(items: list[str], event: Callable[[], None]) -> Iterator[str]:
    """The items; the event happens when half of them have been read."""
    yield from items[: len(items) // 2]
    event()
    yield from items[len(items) // 2 :]


def assert_filled_once(queue: WorkQueue, server: ValkeyServer, items: list[str]) -> None:
    """The queue holds these items in their order."""
    with server.client() as raw:
        assert raw.lrange(queue.keys.queued, 0, -1) == items[::-1]
    assert queue.snapshot().counts == Counts(queued=len(items))
    assert queue.verify() == ()


def test_a_fill_whose_server_stays_away_fails(size: int) -> None:
    """The next try, with the server back, discards what the first has left."""
    items = mixed_items(size, seed=10)
    with running_valkey(*ALWAYS) as server, WorkQueue(server.address("run:")) as queue:
        with pytest.raises(QueueUnavailableError):
            queue.fill(with_an_event_at_the_half(items, server.kill))
        server.start()
        assert queue.fill(items) == size
        assert queue.fill(["a fill that finished is not done again"]) == size
        assert_filled_once(queue, server, items)
        with server.client() as raw:
            assert [key for key in raw.keys("run:*") if ":filling" in key] == []


def test_a_fill_goes_on_over_a_restart(size: int) -> None:
    """Where the server kept everything, what is filled is whole."""
    items = mixed_items(size, seed=10)
    with running_valkey(*ALWAYS) as server, WorkQueue(server.address("run:")) as queue:
        assert queue.fill(with_an_event_at_the_half(items, server.restart)) == size
        assert_filled_once(queue, server, items)


def test_a_fill_whose_server_forgot_its_half_says_so(size: int) -> None:
    """No queue of half the items becomes visible; the next try fills it whole."""
    items = mixed_items(size, seed=10)
    with running_valkey() as server, WorkQueue(server.address("run:")) as queue:
        with pytest.raises(QueueError):
            queue.fill(with_an_event_at_the_half(items, server.restart))
        assert queue.fill(items) == size
        assert_filled_once(queue, server, items)
