"""The run's queue server: its objects, and waiting until it answers, with the cluster's own reason if it does not."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kubejobs.cluster import manifests
from kubejobs.cluster.client import ClusterClient, read_queue_address
from kubejobs.cluster.job_status import waiting_reason
from kubejobs.cluster.manifest_parts import Manifest
from kubejobs.errors import ClusterError, QueueError
from kubejobs.naming import COMPONENT_LABEL, QUEUE, RunIdentity
from kubejobs.settings import Settings
from kubejobs.submission.model import Submission
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress

_POLL_SECONDS = 0.2
_PASSWORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Target:
    """The cluster, the namespace and the run that objects are made for."""

    cluster: ClusterClient
    namespace: str
    run: RunIdentity

    def create(self, manifest: Manifest, owner_uid: str) -> Any:
        """Create or adopt one object that the run's anchor owns."""
        return self.cluster.create_or_adopt(manifests.owned_by(manifest, owner_uid, self.run))


def provide_queue(
    target: Target, submission: Submission, settings: Settings, shared: QueueAddress | None
) -> QueueAddress:
    """Make (or find) the run's queue server; its address. `shared` is the user's own Redis, where one is named."""
    owner = target.cluster.create_or_adopt(manifests.anchor(target.run, target.namespace)).metadata.uid
    if shared is not None:
        return _published(target, replace(shared, prefix=target.run.key_prefix), owner)
    service = target.create(manifests.queue_service(target.run, target.namespace), owner)
    address = QueueAddress(
        host=service.spec.cluster_ip,
        port=manifests.QUEUE_PORT,
        password=secrets.token_urlsafe(_PASSWORD_BYTES) if submission.queue.authentication else None,
    )
    address = _published(target, address, owner)
    if submission.queue.storage_class is not None:
        target.create(manifests.queue_claim(target.run, target.namespace, submission), owner)
    image = submission.queue.image or settings.queue_image
    target.create(manifests.queue_server(target.run, target.namespace, submission, image), owner)
    return address


def _published(target: Target, address: QueueAddress, owner_uid: str) -> QueueAddress:
    """The address as the run's Secret has it: an earlier try's password wins over a new one."""
    target.create(manifests.queue_secret(target.run, target.namespace, address), owner_uid)
    found = read_queue_address(target.cluster, target.run, target.namespace)
    if found is None:
        raise ClusterError(f"Secret {target.namespace}/{target.run.queue_name} was deleted while the queue was made")
    return found


def wait_until_ready(
    queue: WorkQueue, target: Target, address: QueueAddress, wait_seconds: float, log: Callable[[str], None]
) -> None:
    """Return when the server answers; a QueueError with the cluster's reason after `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    shared = bool(address.prefix)
    said: str | None = None
    while True:
        try:
            queue.ping()
        except QueueError as error:
            reason = None if shared else _why_not_running(target)
            if reason and reason != said:
                log(f"waiting for the queue server: {reason}")
                said = reason
            if time.monotonic() > deadline:
                late = f"the queue at {address.host}:{address.port} did not answer within {wait_seconds:g} s"
                advice = _SHARED_ADVICE if shared else _private_advice(target, reason)
                raise QueueError(f"{late}; last answer: {error}. {advice}") from error
            time.sleep(_POLL_SECONDS)
        else:
            return


_SHARED_ADVICE = (
    "It is the shared Redis of the Airflow connection in queue.connection: check the connection's host, port and "
    "password, and that Airflow's workers and triggerer reach it"
)


def _private_advice(target: Target, reason: str | None) -> str:
    return (
        f"Its pod {target.namespace}/{target.run.queue_name}-0: {reason or 'runs'}. "
        "Check the image (KUBEJOBS_QUEUE_IMAGE), the cluster's free capacity, and that Airflow's workers and "
        "triggerer reach service addresses of the cluster; or name a shared Redis in queue.connection"
    )


def _why_not_running(target: Target) -> str | None:
    selector = f"{target.run.selector},{COMPONENT_LABEL}={QUEUE}"
    for pod in target.cluster.list("Pod", target.namespace, selector):
        reason = waiting_reason(pod)
        if reason is None and pod.status.phase == "Pending":
            return "is still being created; its events (`kubectl describe pod`) say what it waits for"
        return reason
    return "was not made; the events of its StatefulSet say why"
