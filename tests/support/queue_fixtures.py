"""Fixtures over a real queue server, one a test session and folder; every test has a key prefix of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import redis

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.types import QueueAddress
from support.valkey import ValkeyServer, running_valkey

LONG_MS = 1e12
_numbers = itertools.count()


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """The session's queue server."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def raw(valkey: ValkeyServer) -> Iterator[redis.Redis]:
    """A plain client, as a person or a foreign program would use it."""
    with valkey.client() as client:
        yield client


@pytest.fixture
def address(valkey: ValkeyServer) -> QueueAddress:
    """The address of a run that does not exist yet."""
    return valkey.address(f"test:{next(_numbers)}:")


@pytest.fixture
def keys(address: QueueAddress) -> QueueKeys:
    """The run's keys."""
    return QueueKeys(address.prefix)


@pytest.fixture
def queue(address: QueueAddress) -> Iterator[WorkQueue]:
    """The run's queue, empty and not yet filled."""
    with WorkQueue(address) as queue:
        yield queue
        queue.delete_run()


def expire_leases(raw: redis.Redis, keys: QueueKeys) -> None:
    """Let the time of every lease, retry delay and unleased item's grace be over; their order stays."""
    for suffix in ("leases", "delayed", "unleased"):
        key = f"{keys.queued}:{suffix}"
        for member in raw.zrange(key, 0, -1):
            raw.zincrby(key, -LONG_MS, member)
