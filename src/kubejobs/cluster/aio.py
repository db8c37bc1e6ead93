"""The asynchronous calls that the triggers make: read the Job and its pods, change its parallelism, find the queue.

Rule: nothing blocks the event loop, and every await has a time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from aiohttp import ClientError
from kubernetes_asyncio import client, watch
from kubernetes_asyncio.client.exceptions import ApiException

from kubejobs.cluster.client import queue_address_of
from kubejobs.cluster.errors import cluster_error
from kubejobs.cluster.job_status import OUTCOME_ANNOTATION, JobStatus, job_status, unschedulable
from kubejobs.cluster.worker_pods import WorkerPod, worker_pod
from kubejobs.errors import ObjectGoneError
from kubejobs.naming import COMPONENT_LABEL, WORKER, RunIdentity
from kubejobs.workqueue.types import QueueAddress

CALL_SECONDS = 15.0
_PENDING_PODS_READ = 50
_PODS_A_PAGE = 250
_WATCH_SECONDS = 30
_GONE = 410

T = TypeVar("T")


async def _limited(call: Awaitable[T], doing: str) -> T:
    try:
        return await asyncio.wait_for(call, CALL_SECONDS)
    except (ApiException, TimeoutError, OSError, ClientError) as error:
        raise cluster_error(error, doing) from error


class AsyncRunCluster:
    """One run's objects; satisfies the control loop's ClusterPort."""

    def __init__(self, api_client: client.ApiClient, run: RunIdentity, namespace: str) -> None:
        self._batch = client.BatchV1Api(api_client)
        self._core = client.CoreV1Api(api_client)
        self._run = run
        self._namespace = namespace
        self._job = f"Job {namespace}/{run.job_name}"
        self._workers = f"{run.selector},{COMPONENT_LABEL}={WORKER}"

    async def read_job(self) -> JobStatus:
        """The Job as it stands; ObjectGoneError if it was deleted or is being deleted."""
        doing = f"reading {self._job}"
        job: Any = await _limited(self._batch.read_namespaced_job(self._run.job_name, self._namespace), doing)
        if job.metadata.deletion_timestamp is not None:
            raise ObjectGoneError(f"{self._job} is being deleted from outside this run", status=404)
        status = job_status(job)
        return await self._with_pending(status) if status.pending and not status.finished else status

    async def _with_pending(self, status: JobStatus) -> JobStatus:
        """The same status with what keeps its pending pods waiting."""
        pods: Any = await _limited(
            self._core.list_namespaced_pod(
                self._namespace,
                label_selector=self._workers,
                field_selector="status.phase=Pending",
                limit=_PENDING_PODS_READ,
            ),
            f"listing pending pods of {self._job}",
        )
        return unschedulable(status, pods.items)

    async def read_pods(self) -> tuple[WorkerPod, ...]:
        """The Job's pods, page by page; the finished ones that Kubernetes still knows included."""
        found: list[WorkerPod] = []
        page = ""
        while True:
            pods: Any = await _limited(
                self._core.list_namespaced_pod(
                    self._namespace, label_selector=self._workers, limit=_PODS_A_PAGE, _continue=page
                ),
                f"listing the pods of {self._job}",
            )
            found += map(worker_pod, pods.items)
            page = pods.metadata._continue or ""  # noqa: SLF001 -- the client's name for the field `continue`
            if not page:
                return tuple(found)

    async def set_parallelism(self, replicas: int, resource_version: str) -> None:
        """Ask for `replicas` pods; ObjectConflictError if the Job changed since `resource_version`."""
        body: dict[str, Any] = {"spec": {"parallelism": replicas}}
        if resource_version:
            body["metadata"] = {"resourceVersion": resource_version}
        await _limited(
            self._batch.patch_namespaced_job(self._run.job_name, self._namespace, body),
            f"setting the parallelism of {self._job} to {replicas}",
        )

    async def announce(self, outcome: str) -> None:
        """Write on the Job how the run ended; nothing happens if the Job is gone already."""
        body = {"metadata": {"annotations": {OUTCOME_ANNOTATION: outcome}}}
        try:
            await _limited(
                self._batch.patch_namespaced_job(self._run.job_name, self._namespace, body),
                f"annotating {self._job}",
            )
        except ObjectGoneError:
            return

    async def wait_until_changed(self, resource_version: str) -> None:
        """Return when the Job is no longer as in `resource_version`, or after half a minute at the latest."""
        watcher = watch.Watch()
        stream = watcher.stream(
            self._batch.list_namespaced_job,
            self._namespace,
            field_selector=f"metadata.name={self._run.job_name}",
            resource_version=resource_version,
            timeout_seconds=_WATCH_SECONDS,
        )
        try:
            async with asyncio.timeout(_WATCH_SECONDS + CALL_SECONDS):
                async for _ in stream:
                    return
        except ApiException as error:
            if error.status != _GONE:
                raise cluster_error(error, f"watching {self._job}") from error
            # Too much has happened since that version: it has changed, or reading it again gives a newer one.
        except (TimeoutError, OSError, ClientError) as error:
            raise cluster_error(error, f"watching {self._job}") from error
        finally:
            watcher.stop()
            await watcher.close()

    async def delete_job(self) -> None:
        """End the workers: delete the Job and its pods; nothing happens if it is gone already."""
        try:
            await _limited(
                self._batch.delete_namespaced_job(self._run.job_name, self._namespace, propagation_policy="Background"),
                f"deleting {self._job}",
            )
        except ObjectGoneError:
            return

    async def queue_address(self) -> QueueAddress:
        """Where the run's queue is, from the run's Secret; ObjectGoneError if that is gone."""
        doing = f"reading Secret {self._namespace}/{self._run.queue_name}"
        secret: Any = await _limited(self._core.read_namespaced_secret(self._run.queue_name, self._namespace), doing)
        return queue_address_of(secret.data or {})
