"""Clients of the queue's server by redis-py, for deploy, control and report, and the translation of their errors.

Rule: every call has a time limit, and nothing is sent again behind the caller's back: who retries is whoever knows
that the call may be repeated. Workers do without this module: see `wire`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import redis
import redis.asyncio
from redis import exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from kubejobs.errors import QueueError
from kubejobs.workqueue.problems import NO_ANSWER, problem, unencodable
from kubejobs.workqueue.scripts import Script
from kubejobs.workqueue.types import QueueAddress
from kubejobs.workqueue.wire import CALL_TIMEOUT_SECONDS, CONNECT_TIMEOUT_SECONDS

# In this order: a refused password is also a ConnectionError. redis-py keeps these codes out of its messages.
_CODES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.AuthenticationError, "WRONGPASS"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ConnectionError, NO_ANSWER),
    (exceptions.TimeoutError, NO_ANSWER),
    (OSError, NO_ANSWER),
)


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


def run_script(client: Any, script: Script, base: str, *arguments: Any) -> list[Any]:
    """Run a script on a synchronous client; `base` is the main list's key. Raises redis' own errors."""
    try:
        return cast("list[Any]", client.evalsha(script.sha, 1, base, *arguments))
    except exceptions.NoScriptError:
        return cast("list[Any]", client.eval(script.text, 1, base, *arguments))


async def run_script_async(client: Any, script: Script, base: str, *arguments: Any) -> list[Any]:
    """Run a script on an asyncio client; as `run_script`."""
    try:
        return await cast("Awaitable[list[Any]]", client.evalsha(script.sha, 1, base, *arguments))
    except exceptions.NoScriptError:
        return await cast("Awaitable[list[Any]]", client.eval(script.text, 1, base, *arguments))


def place_of(source: QueueAddress | Any) -> str:
    """Host and port for messages."""
    if isinstance(source, QueueAddress):
        return source.place
    arguments = source.connection_pool.connection_kwargs
    return str(arguments.get("path") or f"{arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}")


def translated(error: Exception, place: str, credentials: str) -> QueueError:
    """The project's error for redis-py's: what was wrong, where, and what to do."""
    first_word = str(error).partition(" ")[0] or "ERR"
    code = next((code for kind, code in _CODES if isinstance(error, kind)), first_word)
    return problem(error, code, place, credentials)


@contextmanager
def translating(place: str, credentials: str) -> Iterator[None]:
    """Turn the client's errors inside the block into the project's."""
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise translated(error, place, credentials) from error
    except UnicodeEncodeError as error:
        raise unencodable(error) from error
