"""The queue server of this folder's tests, and the two kinds of queue that one suite holds to the same behaviour."""

from collections.abc import Iterator

import pytest

from support.queue_backends import Backend, MemoryBackend, ServerBackend
from support.queue_fixtures import address, keys, queue, raw, valkey

__all__ = ["address", "backend", "keys", "queue", "raw", "valkey"]


@pytest.fixture(params=["memory", "server"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """A run's queue of each kind, empty and not yet filled."""
    made: Backend = MemoryBackend()
    if request.param == "server":
        made = ServerBackend(request.getfixturevalue("address"), request.getfixturevalue("raw"))
    yield made
    made.close()
