"""Airflow connections → clients of the cluster and addresses of shared queues.

Rule: what is asynchronous never blocks; one client for each connection lives as long as the triggerer, because a new
one reads files and builds a TLS context on the event loop.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from kubejobs.errors import ConfigurationError
from kubejobs.workqueue.types import QueueAddress

if TYPE_CHECKING:
    from kubejobs.cluster.client import ClusterClient

DEFAULT_NAMESPACE = "default"
_REDIS_PORT = 6379


def cluster_client(connection_id: str) -> ClusterClient:
    """The synchronous client of the cluster that the connection names."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook  # noqa: PLC0415 - slow to import

    from kubejobs.cluster.client import ClusterClient  # noqa: PLC0415 - slow to import

    return ClusterClient(KubernetesHook(conn_id=connection_id).api_client)


def namespace_of(connection_id: str, asked_for: str | None) -> str:
    """The namespace that was asked for, else the connection's, else `default`."""
    if asked_for:
        return asked_for
    try:
        extra = BaseHook.get_connection(connection_id).extra_dejson
    except AirflowNotFoundException:
        return DEFAULT_NAMESPACE
    return extra.get("namespace") or extra.get("extra__kubernetes__namespace") or DEFAULT_NAMESPACE


def shared_queue(connection_id: str | None) -> QueueAddress | None:
    """The shared Redis that the connection names; ConfigurationError if there is none of that name."""
    if connection_id is None:
        return None
    try:
        return _address(BaseHook.get_connection(connection_id))
    except AirflowNotFoundException as error:
        raise ConfigurationError(
            f"queue.connection is {connection_id!r} and Airflow has no connection of that id; "
            'add one of type Redis (host, port, password; extra: {"db": 0, "ssl": true})'
        ) from error


def _address(connection: Any) -> QueueAddress:
    extra = connection.extra_dejson
    return QueueAddress(
        host=connection.host or "localhost",
        port=connection.port or _REDIS_PORT,
        password=connection.password or None,
        username=connection.login or None,
        database=int(extra.get("db") or connection.schema or 0),
        tls=bool(extra.get("ssl")),
    )


class AsyncClusters:
    """The triggerer's Kubernetes clients, one for each connection and event loop."""

    def __init__(self) -> None:
        self._clients: dict[tuple[int, str], tuple[Any, AsyncExitStack]] = {}
        self._locks: dict[tuple[int, str], asyncio.Lock] = {}

    async def client(self, connection_id: str) -> Any:
        """A `kubernetes_asyncio` ApiClient; the same one until `forget`."""
        key = (id(asyncio.get_running_loop()), connection_id)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._clients:
                self._clients[key] = await self._open(connection_id)
            return self._clients[key][0]

    @staticmethod
    async def _open(connection_id: str) -> tuple[Any, AsyncExitStack]:
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import (  # noqa: PLC0415 - slow to import
            AsyncKubernetesHook,
        )

        stack = AsyncExitStack()
        client = await stack.enter_async_context(AsyncKubernetesHook(conn_id=connection_id).get_conn())
        return client, stack

    async def forget(self, connection_id: str) -> None:
        """Close the client, so that the next one reads the connection and its credentials anew."""
        key = (id(asyncio.get_running_loop()), connection_id)
        entry = self._clients.pop(key, None)
        if entry is not None:
            await entry[1].aclose()


ASYNC_CLUSTERS = AsyncClusters()
