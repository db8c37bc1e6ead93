"""A worker's settings: environment variables that the Job's manifest sets.

The names of the first four are those of existing images.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from kubejobs.errors import ConfigurationError
from kubejobs.worker.batching import AUTO, Batch
from kubejobs.workqueue.leasing import MAX_BATCH, RetryDelays
from kubejobs.workqueue.types import QueueAddress

_TRUE = frozenset({"1", "true", "yes", "on"})
_SERVICE_LINK = re.compile(r"^tcp://[^/]*:(\d+)$")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker needs to know; docs/worker.md lists the variables.

    `batch` is how many items are leased in one round trip, "auto" for as many as their durations suggest.
    `lost_seconds` is how long a queue that answers without holding the run is waited for before the worker gives up.
    `ready_host` and `ready_port` are where the pod's readiness probe connects to; port 0: there is none.
    """

    address: QueueAddress
    worker: str
    lease_seconds: float = 60.0
    max_attempts: int = 3
    batch: Batch = AUTO
    lost_seconds: float = 60.0
    delays: RetryDelays = field(default_factory=RetryDelays)
    ready_host: str = ""
    ready_port: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> WorkerSettings:
        """The settings as the environment gives them; a ConfigurationError names a bad variable."""
        source = os.environ if environment is None else environment
        host = source.get("REDIS_HOST", "")
        if not host:
            raise ConfigurationError("REDIS_HOST is not set; it must name the host of the run's queue")
        address = QueueAddress(
            host=host,
            port=_number(source, "REDIS_PORT", 6379, int, at_least=1, at_most=65_535),
            password=source.get("REDIS_PASSWORD") or None,
            username=source.get("REDIS_USERNAME") or None,
            database=_number(source, "REDIS_DATABASE", 0, int, at_least=0),
            tls=source.get("REDIS_TLS", "").lower() in _TRUE,
            prefix=source.get("KUBEJOBS_QUEUE_PREFIX", ""),
        )
        ready_port = _number(source, "KUBEJOBS_READY_PORT", 0, int, at_least=0, at_most=65_535)
        ready_host = source.get("POD_IP", "")
        if ready_port and not ready_host:
            raise ConfigurationError("KUBEJOBS_READY_PORT is set, but POD_IP is not; it must be the pod's own address")
        return cls(
            address=address,
            worker=source.get("POD_NAME") or source.get("HOSTNAME") or socket.gethostname(),
            lease_seconds=_number(source, "KUBEJOBS_LEASE_SECONDS", 60.0, float, at_least=0.1),
            max_attempts=_number(source, "KUBEJOBS_MAX_ATTEMPTS", 3, int, at_least=1),
            batch=_batch(source),
            lost_seconds=_number(source, "KUBEJOBS_LOST_SECONDS", 60.0, float, at_least=0.0),
            delays=RetryDelays(
                _number(source, "KUBEJOBS_RETRY_SECONDS", 1.0, float, at_least=0.0),
                _number(source, "KUBEJOBS_RETRY_MAX_SECONDS", 60.0, float, at_least=0.0),
            ),
            ready_host=ready_host,
            ready_port=ready_port,
        )


def _batch(source: Mapping[str, str]) -> Batch:
    if source.get("KUBEJOBS_BATCH", "") in {"", AUTO}:
        return AUTO
    return cast("int", _number(source, "KUBEJOBS_BATCH", 1, int, at_least=1, at_most=MAX_BATCH))


def _number(
    source: Mapping[str, str],
    name: str,
    default: Any,
    kind: Callable[[str], Any],
    *,
    at_least: float,
    at_most: float = 10_000_000,
) -> Any:
    text = source.get(name, "")
    if not text:
        return default
    # A Service called `redis` in the namespace makes Kubernetes set REDIS_PORT to a URL.
    if link := _SERVICE_LINK.match(text):
        text = link.group(1)
    try:
        number = kind(text)
    except ValueError as error:
        raise ConfigurationError(f"{name} is {text!r}; it must be a number") from error
    if not at_least <= number <= at_most:
        raise ConfigurationError(f"{name} is {text!r}; it must be from {at_least:g} to {at_most:g}")
    return number
