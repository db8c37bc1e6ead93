"""A Job's pods → what control needs to know of each, and which of them Kubernetes would remove first. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kubejobs.cluster.worker_exits import exit_of
from kubejobs.workqueue.types import WorkerExit

__all__ = ["WorkerPod", "exit_of", "removable", "removal_order", "worker_pod"]

_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class WorkerPod:
    """One pod of the Job.

    `assigned`: it has a node. `ready`, since `ready_at`: its worker takes items. `exit` is set once it has ended: None
    until then, and for a pod that ended with 0. `disruption` says why the cluster takes it away, which is known before
    it has ended, and is the last that is known of a pod whose node is lost. Times are seconds since the epoch by
    Kubernetes' clock.
    """

    name: str
    phase: str
    assigned: bool
    ready: bool
    terminating: bool
    created_at: float
    ready_at: float | None = None
    restarts: int = 0
    exit: WorkerExit | None = None
    disruption: WorkerExit | None = None

    @property
    def active(self) -> bool:
        """Whether the Job counts it as one of its running workers."""
        return self.phase in {"Pending", "Running"} and not self.terminating


def worker_pod(pod: Any) -> WorkerPod:
    """What either client's pod object says."""
    status = pod.status
    phase = status.phase or "Pending"
    readiness = next((c for c in status.conditions or () if c.type == "Ready" and c.status == "True"), None)
    since = readiness.last_transition_time if readiness is not None else None
    ended = exit_of(pod)
    return WorkerPod(
        name=pod.metadata.name,
        phase=phase,
        assigned=bool(pod.spec.node_name),
        ready=readiness is not None,
        terminating=pod.metadata.deletion_timestamp is not None,
        created_at=pod.metadata.creation_timestamp.timestamp(),
        ready_at=since.timestamp() if since else None,
        restarts=max((one.restart_count for one in status.container_statuses or ()), default=0),
        exit=ended if phase in _ENDED else None,
        disruption=None if phase in _ENDED else ended,
    )


def removal_order(pods: Iterable[WorkerPod]) -> tuple[WorkerPod, ...]:
    """The active pods, first those that the Job controller removes first when the parallelism is lowered.

    Source: controller.ActivePods in pkg/controller/controller_utils.go of Kubernetes 1.34. Where that order says
    nothing (its times are whole seconds) Kubernetes' sort leaves any order; here it is by name.
    """
    return tuple(sorted((pod for pod in pods if pod.active), key=lambda pod: (_rank(pod), pod.name)))


def _rank(pod: WorkerPod) -> tuple[float, ...]:
    """Smaller is removed earlier.

    Without a node, pending, not ready; then ready for the shortest time, restarted most often, newest.
    """
    ready_since = -math.inf if pod.ready_at is None else -pod.ready_at
    return (
        1.0 if pod.assigned else 0.0,
        0.0 if pod.phase == "Pending" else 1.0,
        1.0 if pod.ready else 0.0,
        ready_since if pod.ready else 0.0,
        -pod.restarts,
        -pod.created_at,
    )


def removable(pods: Iterable[WorkerPod], drained: Collection[str]) -> int:
    """By how many the parallelism can be lowered so that Kubernetes removes only workers that hold nothing.

    Those are pods that have not begun to run, and the `drained` ones (names) that Kubernetes has seen turn not ready.
    Where Kubernetes may choose any of several pods, all of them have to be such, or none counts.
    """
    count = 0
    for _, group in groupby(removal_order(pods), key=_rank):
        equals = list(group)
        if not all(_expendable(pod, drained) for pod in equals):
            break
        count += len(equals)
    return count


def _expendable(pod: WorkerPod, drained: Collection[str]) -> bool:
    return not pod.assigned or pod.phase == "Pending" or (pod.name in drained and not pod.ready)
