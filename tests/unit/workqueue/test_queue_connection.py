"""Errors of the client library become the project's, without secrets."""

import asyncio
import socket
from dataclasses import replace

import pytest
import redis
from redis import exceptions

from kubejobs.errors import QueueError, QueueUnavailableError
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.connection import place_of, translated
from kubejobs.workqueue.leasing import LeaseClient
from kubejobs.workqueue.resp import text_of
from kubejobs.workqueue.types import QueueAddress

WRONG = "not-the-password"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        pytest.param(exceptions.AuthenticationError("no"), QueueError, "check the Secret", id="password"),
        pytest.param(exceptions.NoPermissionError("no"), QueueError, "check the Secret", id="permission"),
        pytest.param(exceptions.ConnectionError("refused"), QueueUnavailableError, "does not answer", id="connection"),
        pytest.param(exceptions.TimeoutError("late"), QueueUnavailableError, "does not answer", id="timeout"),
        pytest.param(exceptions.BusyLoadingError("x"), QueueUnavailableError, "does not answer", id="loading"),
        pytest.param(exceptions.ResponseError("MISCONF disk"), QueueUnavailableError, "MISCONF", id="disk full"),
        pytest.param(exceptions.OutOfMemoryError("x"), QueueError, "out of memory", id="memory"),
        pytest.param(exceptions.ResponseError("WRONGTYPE x"), QueueError, "WRONGTYPE", id="other"),
        pytest.param(ConnectionResetError("x"), QueueUnavailableError, "h:1", id="socket"),
    ],
)
def test_errors_are_translated(error: Exception, kind: type[QueueError], words: str) -> None:
    """Each says where and what, and only what may pass by itself is called unavailable."""
    problem = translated(error, "h:1", "the Secret")
    assert type(problem) is kind
    assert words in str(problem)


@pytest.mark.parametrize("use", ["sync", "lease", "async"])
def test_a_refused_password_is_named_but_not_shown(address: QueueAddress, use: str) -> None:
    """The message says which secret to look at, and holds no password."""
    wrong = replace(address, password=WRONG)
    with pytest.raises(QueueError, match="refuses the credentials") as caught:
        _snapshot(wrong, use)
    assert not isinstance(caught.value, QueueUnavailableError)
    chain = f"{caught.value} {caught.value.__cause__!r} {wrong!r}"
    assert WRONG not in chain
    assert "password" in str(caught.value).lower()


@pytest.mark.parametrize("use", ["sync", "lease", "async"])
def test_a_server_that_is_not_there_is_unavailable(use: str) -> None:
    """Nothing listens: the call ends at once and may be tried again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = QueueAddress("127.0.0.1", probe.getsockname()[1], password=WRONG)
        with pytest.raises(QueueUnavailableError, match=r"127\.0\.0\.1") as caught:
            _snapshot(nowhere, use)
    assert WRONG not in str(caught.value)


def _snapshot(address: QueueAddress, use: str) -> None:
    async def look() -> None:
        async with AsyncWorkQueue(address) as queue:
            await queue.snapshot()

    if use == "async":
        asyncio.run(look())
    elif use == "lease":
        LeaseClient(address, "w").turn()
    else:
        with WorkQueue(address) as queue:
            queue.snapshot()


def test_no_object_shows_the_password(address: QueueAddress) -> None:
    """Addresses and queues may be logged."""
    assert address.password
    for thing in (address, WorkQueue(address), AsyncWorkQueue(address)):
        assert address.password not in repr(thing)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        pytest.param(QueueAddress("h", 7), "h:7", id="address"),
        pytest.param(QueueAddress("/run/q.sock"), "/run/q.sock", id="unix socket"),
        pytest.param(redis.Redis("h", 8, password=WRONG), "h:8", id="client"),
    ],
)
def test_a_place_is_host_and_port(source: object, place: str) -> None:
    """Messages say where the queue is."""
    assert place_of(source) == place


def test_bytes_that_are_not_utf8_survive() -> None:
    """What a foreign program put into the queue comes back as it was."""
    assert text_of(b"a\xff").encode("utf-8", "surrogateescape") == b"a\xff"
    assert text_of("text") == "text"
