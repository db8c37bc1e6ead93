"""The queue server of this folder's tests, and a readiness port."""

import socket
from collections.abc import Callable

import pytest

from support.queue_fixtures import address, keys, queue, raw, valkey

__all__ = ["address", "answers", "keys", "queue", "raw", "ready_port", "valkey"]


@pytest.fixture
def ready_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def answers() -> Callable[[int], bool]:
    """Whether a probe of a port connects."""

    def probe(port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True

    return probe
