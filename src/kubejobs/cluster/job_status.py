"""A Kubernetes Job → what control needs to know of it.  Pure; works on either client's objects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from kubejobs.cluster.worker_manifest import RUNNER_FAILURES


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A Kubernetes Job as control sees it.

    `parallelism` is what was asked for; `active`, `ready`, `terminating`, `succeeded`, `failed` count pods.
    `unschedulable` counts pending pods for which the cluster has no room; `pending_reason` says why, in its words.
    `outcome` is what control wrote on the Job when the run was over.
    """

    parallelism: int
    active: int = 0
    ready: int = 0
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    unschedulable: int = 0
    pending_reason: str | None = None
    complete: bool = False
    failure: str | None = None
    outcome: str | None = None
    resource_version: str = ""

    @property
    def finished(self) -> bool:
        """Whether Kubernetes has set a final condition."""
        return self.complete or self.failure is not None

    @property
    def pending(self) -> int:
        """Active pods that are not ready yet."""
        return max(self.active - self.ready, 0)


OUTCOME_ANNOTATION = "kubejobs.io/outcome"
SUCCEEDED, FAILED = "succeeded", "failed"


def job_status(job: Any) -> JobStatus:
    """What the Job's status says; absent counts are 0."""
    status = job.status
    conditions = {c.type: c for c in (status.conditions or []) if c.status == "True"}
    failed = conditions.get("Failed")
    return JobStatus(
        parallelism=job.spec.parallelism if job.spec.parallelism is not None else 1,
        active=status.active or 0,
        ready=status.ready or 0,
        terminating=status.terminating or 0,
        succeeded=status.succeeded or 0,
        failed=status.failed or 0,
        complete="Complete" in conditions,
        failure=None if failed is None else f"{failed.reason}: {failed.message}{_meaning(failed)}",
        outcome=(job.metadata.annotations or {}).get(OUTCOME_ANNOTATION),
        resource_version=job.metadata.resource_version or "",
    )


_EXIT_CODE = re.compile(r"failed with exit code (\d+) matching")


def _meaning(failed: Any) -> str:
    """What the runner's exit code says, where that is why the Job was failed; else nothing."""
    found = _EXIT_CODE.search(failed.message or "") if failed.reason == "PodFailurePolicy" else None
    meaning = RUNNER_FAILURES.get(int(found[1])) if found else None
    return f" ({meaning}; the pod's log says more)" if meaning else ""


def unschedulable(status: JobStatus, pending_pods: Iterable[Any]) -> JobStatus:
    """The status with the pending pods that find no room, and the first reason given for any pending pod."""
    reasons = [reason for pod in pending_pods if (reason := waiting_reason(pod)) is not None]
    no_room = sum(reason.startswith("Unschedulable") for reason in reasons)
    return replace(status, unschedulable=no_room, pending_reason=reasons[0] if reasons else None)


# What a container waits for while all is well.
_NORMAL_WAITS = frozenset({"ContainerCreating", "PodInitializing"})


def waiting_reason(pod: Any) -> str | None:
    """Why a pod does not run, in the cluster's words; None while all is well."""
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"{condition.reason}: {condition.message}"
    for container in pod.status.container_statuses or []:
        waiting = container.state.waiting if container.state else None
        if waiting is not None and waiting.reason not in _NORMAL_WAITS:
            return f"{waiting.reason}: {waiting.message or 'no message'}"
    return None
