"""The run's cluster as the triggers see it: one client shared by all, renewed when its credentials expire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kubejobs.cluster.aio import AsyncRunCluster
from kubejobs.cluster.job_status import JobStatus
from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.errors import ClusterUnavailableError
from kubejobs.naming import RunIdentity
from kubejobs.workqueue.types import QueueAddress
from operators.connections import ASYNC_CLUSTERS

_UNAUTHORIZED = 401
_PAUSE_SECONDS = 2.0

T = TypeVar("T")


class TriggerCluster:
    """Satisfies the control loop's ClusterPort; every call takes the connection's current client."""

    def __init__(self, connection_id: str, run: RunIdentity, namespace: str) -> None:
        self._connection_id = connection_id
        self._run = run
        self._namespace = namespace

    async def _call(self, method: Callable[[AsyncRunCluster], Awaitable[T]]) -> T:
        client = await ASYNC_CLUSTERS.client(self._connection_id)
        try:
            return await method(AsyncRunCluster(client, self._run, self._namespace))
        except ClusterUnavailableError as error:
            if error.status == _UNAUTHORIZED:
                await ASYNC_CLUSTERS.forget(self._connection_id)
            raise

    async def read_job(self) -> JobStatus:
        """See AsyncRunCluster.read_job."""
        return await self._call(lambda cluster: cluster.read_job())

    async def read_pods(self) -> tuple[WorkerPod, ...]:
        """See AsyncRunCluster.read_pods."""
        return await self._call(lambda cluster: cluster.read_pods())

    async def set_parallelism(self, replicas: int, resource_version: str) -> None:
        """See AsyncRunCluster.set_parallelism."""
        await self._call(lambda cluster: cluster.set_parallelism(replicas, resource_version))

    async def announce(self, outcome: str) -> None:
        """See AsyncRunCluster.announce."""
        await self._call(lambda cluster: cluster.announce(outcome))

    async def delete_job(self) -> None:
        """See AsyncRunCluster.delete_job."""
        await self._call(lambda cluster: cluster.delete_job())

    async def queue_address(self) -> QueueAddress:
        """See AsyncRunCluster.queue_address."""
        return await self._call(lambda cluster: cluster.queue_address())

    async def wait_until_ended(self) -> JobStatus:
        """The Job once it has a final condition or control's outcome; as `read_job` where it can't be read."""
        while True:
            status = await self.read_job()
            if status.finished or status.outcome is not None:
                return status
            try:
                await self._wait_until_changed(status.resource_version)
            except ClusterUnavailableError:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _wait_until_changed(self, resource_version: str) -> None:
        await self._call(lambda cluster: cluster.wait_until_changed(resource_version))
