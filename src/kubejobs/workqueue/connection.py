"""Clients of the queue's server, and the translation of their errors.

Rule: every call has a time limit, and nothing is sent again behind the caller's back: who retries is whoever knows
that the call may be repeated. No message holds a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
import redis.asyncio
from redis import exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from kubejobs.errors import QueueError, QueueUnavailableError
from kubejobs.workqueue.types import QueueAddress

CONNECT_TIMEOUT_SECONDS: Final = 5.0
CALL_TIMEOUT_SECONDS: Final = 15.0
"""Longer than any single script on a million items, shorter than a control loop's patience."""

_TRANSIENT: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
    exceptions.MasterDownError,
    OSError,
)
_TRANSIENT_CODES: Final = ("LOADING", "MISCONF", "BUSY", "NOREPLICAS")


def _options(address: QueueAddress) -> dict[str, Any]:
    options: dict[str, Any] = {
        "db": address.database,
        "username": address.username,
        "password": address.password,
        "socket_timeout": CALL_TIMEOUT_SECONDS,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "protocol": 2,
    }
    if address.host.startswith("/"):
        return options | {"unix_socket_path": address.host}
    return options | {"host": address.host, "port": address.port, "ssl": address.tls}


def open_client(address: QueueAddress) -> redis.Redis:
    """A synchronous client; it connects at its first call. A host that begins with `/` is a Unix socket."""
    return redis.Redis(retry=Retry(NoBackoff(), 0), **_options(address))


def open_async_client(address: QueueAddress) -> redis.asyncio.Redis:
    """An asyncio client; as `open_client`."""
    return redis.asyncio.Redis(retry=AsyncRetry(NoBackoff(), 0), **_options(address))


def place_of(source: QueueAddress | Any) -> str:
    """Host and port for messages."""
    if isinstance(source, QueueAddress):
        return source.host if source.host.startswith("/") else f"{source.host}:{source.port}"
    arguments = source.connection_pool.connection_kwargs
    return str(arguments.get("path") or f"{arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}")


def translated(error: Exception, place: str, credentials: str) -> QueueError:
    """The project's error for a client's: what was wrong, where, and what to do."""
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return QueueError(f"the queue at {place} refuses the credentials: check {credentials}")
    if isinstance(error, _TRANSIENT) or str(error).startswith(_TRANSIENT_CODES):
        return QueueUnavailableError(f"the queue at {place} does not answer ({type(error).__name__}: {error})")
    if isinstance(error, exceptions.OutOfMemoryError):
        return QueueError(f"the queue at {place} is out of memory: give its server more, or split the workload")
    return QueueError(f"the queue at {place} refuses a command ({type(error).__name__}: {error})")


@contextmanager
def translating(place: str, credentials: str) -> Iterator[None]:
    """Turn the client's errors inside the block into the project's."""
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise translated(error, place, credentials) from error
    except UnicodeEncodeError as error:
        raise QueueError(f"an item can't be encoded as UTF-8: {error.object!r:.200}") from error


def text_of(value: bytes | str) -> str:
    """A reply as text; bytes that are not UTF-8 survive a round trip."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
