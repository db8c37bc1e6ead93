"""Airflow connections → clients of the cluster and addresses of shared queues.

Rule: what is asynchronous never blocks; one client for each connection lives as long as the triggerer, because a new
one reads files and builds a TLS context on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from kubejobs.errors import ConfigurationError
from kubejobs.settings import Settings
from kubejobs.workqueue.types import QueueAddress
from operators import run_context

if TYPE_CHECKING:
    from kubejobs.cluster.client import ClusterClient

DEFAULT_NAMESPACE = "default"
_REDIS_PORT = 6379


def cluster_client(connection_id: str) -> ClusterClient:
    """The synchronous client of the cluster that the connection names."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook  # noqa: PLC0415 - slow to import

    from kubejobs.cluster.client import ClusterClient  # noqa: PLC0415 - slow to import

    with usable(connection_id):
        hook = KubernetesHook(conn_id=connection_id, config_file=kubeconfig_of(connection_id))
        return ClusterClient(hook.api_client)


@contextmanager
def usable(connection_id: str) -> Iterator[None]:
    """Turn what the provider raises for a connection that is missing or wrong into a ConfigurationError.

    What is raised while Airflow's API does not answer passes through: that may be over at the next try.
    """
    from kubernetes.config import ConfigException  # noqa: PLC0415 - slow to import
    from kubernetes_asyncio.config import ConfigException as AsyncConfigException  # noqa: PLC0415 - slow to import

    try:
        yield
    except AirflowNotFoundException as error:
        raise ConfigurationError(
            f"the cluster is {connection_id!r} and Airflow has no connection of that id; add one of type "
            "Kubernetes Cluster Connection, or give the id of another in `cluster`"
        ) from error
    except (AirflowException, ConfigException, AsyncConfigException, OSError, ValueError) as error:
        raise ConfigurationError(
            f"the Airflow connection {connection_id!r} does not lead to a cluster: {error}; check its fields"
        ) from error


def kubeconfig_of(connection_id: str) -> str | None:
    """The kubeconfig file that stands in for the connection, where Airflow has none of that id."""
    return fallback_kubeconfig() if _connection(connection_id) is None else None


def _connection(connection_id: str) -> Any | None:
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None


def fallback_kubeconfig() -> str | None:
    """The kubeconfig file of controller.cfg, for where Airflow has no connection of the cluster's id."""
    return run_context.defaults(Settings.from_environment()).kubeconfig


def namespace_of(connection_id: str, asked_for: str | None) -> str:
    """The namespace that was asked for, else the connection's, else `default`."""
    if asked_for:
        return asked_for
    connection = _connection(connection_id)
    if connection is None:
        return DEFAULT_NAMESPACE
    extra = connection.extra_dejson
    return extra.get("namespace") or extra.get("extra__kubernetes__namespace") or DEFAULT_NAMESPACE


def shared_queue(connection_id: str | None) -> QueueAddress | None:
    """The shared Redis that the connection names; ConfigurationError if there is none of that name."""
    if connection_id is None:
        return None
    connection = _connection(connection_id)
    if connection is None:
        raise ConfigurationError(
            f"queue.connection is {connection_id!r} and Airflow has no connection of that id; "
            'add one of type Redis (host, port, password; extra: {"db": 0, "ssl": true})'
        )
    return _address(connection)


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


async def _fallback_configuration(connection_id: str) -> dict[str, Any] | None:
    """What the fallback kubeconfig holds: the asynchronous hook takes no file."""
    try:
        await BaseHook.aget_connection(connection_id)
    except AirflowNotFoundException:
        return await asyncio.to_thread(_read_fallback)
    return None


def _read_fallback() -> dict[str, Any] | None:
    path = fallback_kubeconfig()
    if path is None:
        return None
    try:
        return dict(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"k8s_manifest in controller.cfg is {path!r}, which is no readable kubeconfig: {error}"
        ) from error


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
        config = await _fallback_configuration(connection_id)
        hook = AsyncKubernetesHook(conn_id=connection_id, config_dict=config)
        with usable(connection_id):
            return await stack.enter_async_context(hook.get_conn()), stack

    async def forget(self, connection_id: str) -> None:
        """Close the client, so that the next one reads the connection and its credentials anew."""
        key = (id(asyncio.get_running_loop()), connection_id)
        entry = self._clients.pop(key, None)
        if entry is not None:
            await entry[1].aclose()


ASYNC_CLUSTERS = AsyncClusters()
