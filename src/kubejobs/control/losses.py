"""Which workers ended without giving back what they held, and how. Pure.

Rule: a worker is lost only if its pod has ended or is not known any more; the lease holders are read before the
pods, so that a worker that has just started is never taken for one that is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.control.drain import ended
from kubejobs.control.ports import JobStatus
from kubejobs.workqueue.types import WorkerExit

POD_GONE = "PodGone"
EXITED_HOLDING = "ExitedHolding"
MOST_NOTED = 100


def workers_may_be_lost(job: JobStatus, failed_before: int, standing_before: int) -> bool:
    """Whether the Job's counts give a reason to look at its pods: one failed, is missing, or is being removed."""
    missing = not job.succeeded and not job.finished and job.active < job.parallelism
    fewer = job.active + job.succeeded < standing_before
    return job.failed > failed_before or missing or fewer or job.terminating > 0


def lost_workers(
    holders: Iterable[str], pods: Iterable[WorkerPod], job_name: str, disruptions: Mapping[str, WorkerExit]
) -> dict[str, WorkerExit]:
    """Lease holders of this Job whose pod does not live any more, and how they ended.

    `disruptions`: what was known of pods that were being taken away when they were last seen.
    """
    known = {pod.name: pod for pod in pods}
    return {
        holder: _exit_of(known.get(holder), disruptions.get(holder))
        for holder in holders
        if holder.startswith(f"{job_name}-") and (holder not in known or ended(known[holder]))
    }


def failed_idle(pods: Iterable[WorkerPod], noted: Collection[str]) -> dict[str, WorkerExit]:
    """Workers that failed by themselves and are not `noted` yet, the oldest first; no more than are ever noted.

    Removed pods end with an error too, mostly the 143 of SIGTERM, which tells nothing.
    """
    failed = [pod for pod in pods if pod.exit is not None and not pod.terminating and pod.name not in noted]
    failed.sort(key=lambda pod: pod.created_at)
    return {pod.name: pod.exit for pod in failed[: max(MOST_NOTED - len(noted), 0)] if pod.exit is not None}


def _exit_of(pod: WorkerPod | None, disruption: WorkerExit | None) -> WorkerExit:
    if pod is None:
        # A Job's pod that fails by itself stays known; this one was deleted: by a scale-down, by the cluster, or by a
        # person. Its item did nothing wrong.
        return disruption or WorkerExit(POD_GONE, "its pod was deleted", blames_items=False)
    if pod.exit is None:
        return WorkerExit(EXITED_HOLDING, "it ended with exit code 0 while it held items", 0)
    # A pod that was being deleted when it ended was killed for that, at the latest by the end of its grace period.
    return replace(pod.exit, blames_items=False) if pod.terminating else pod.exit
