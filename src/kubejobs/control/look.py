"""Observe: one look at the queue and at the Job, and the policy's view of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from kubejobs.control.plan import Plan
from kubejobs.control.ports import ClusterPort, JobStatus, QueuePort
from kubejobs.errors import ClusterError, ObjectGoneError
from kubejobs.scaling.types import Observation
from kubejobs.workqueue.types import QueueSnapshot


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at `snapshot.time`; `job` is None where it is `job_gone` or Kubernetes gave a `cluster_error`."""

    snapshot: QueueSnapshot
    job: JobStatus | None
    job_gone: bool = False
    cluster_error: str | None = None
    recovered: int = 0

    @property
    def job_final(self) -> bool:
        """Whether no worker can work any more."""
        return self.job_gone or (self.job is not None and self.job.finished)


async def take_look(queue: QueuePort, cluster: ClusterPort) -> Look:
    """First the Job, then the queue; only the queue's errors are raised, a look without the Job is still worth having.

    In this order, as the end of a Job is final: what its last worker acknowledged just before it is in the counts.
    """
    job: JobStatus | None = None
    gone, error = False, None
    try:
        job = await cluster.read_job()
    except ObjectGoneError:
        gone = True
    except ClusterError as unreadable:
        error = str(unreadable)
    live_workers = None if job is None else most_workers(job)
    recovered, snapshot = await asyncio.gather(
        queue.recover_expired(live_workers=live_workers, failed_workers=0 if job is None else job.failed),
        queue.snapshot(),
        return_exceptions=True,
    )
    if isinstance(snapshot, BaseException):
        raise snapshot
    if isinstance(recovered, BaseException):
        raise recovered
    return Look(snapshot, job, gone, error, recovered)


def most_workers(job: JobStatus) -> int:
    """How many pods can hold an item: also those that Kubernetes may have started since it counted them."""
    active = job.active if job.finished else max(job.active, job.parallelism)
    return active + job.terminating


def observation_of(
    snapshot: QueueSnapshot, job: JobStatus, plan: Plan, *, desired: int | None = None, drained: int = 0
) -> Observation:
    """The policy's view. Items that wait for a retry, or were held by a stop, count as queued: they are not done.

    `desired`: how many workers are wanted, where that is not the parallelism that the Job has. `drained`: workers that
    are not ready as they wait to be removed, which are not pending.
    """
    counts = snapshot.counts
    return Observation(
        elapsed_seconds=snapshot.time - plan.started_at,
        expected_seconds=plan.submission.expected_time,
        total=counts.total,
        queued=counts.queued + counts.delayed + counts.held,
        leased=counts.leased,
        done=counts.done,
        failed=counts.failed,
        dead=counts.dead,
        desired_replicas=job.parallelism if desired is None else desired,
        ready_replicas=job.ready,
        pending_replicas=max(job.pending - drained, 0),
        terminating_replicas=job.terminating,
        succeeded_pods=job.succeeded,
        failed_pods=job.failed,
        unschedulable_pods=job.unschedulable,
        closed=snapshot.closed,
        durations=snapshot.durations,
    )
