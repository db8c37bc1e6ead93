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
    """Look at both sides at once; only the queue's errors are raised, a look without the Job is still worth having.

    The end of a Job is final, so items that seem open beside a finished Job are counted once more after it: what the
    last worker acknowledged between the two answers would look lost otherwise.
    """
    look = await _look_once(queue, cluster)
    if look.job_final and look.snapshot.counts.open:
        recovered = look.recovered + await queue.recover_expired()
        return Look(await queue.snapshot(), look.job, look.job_gone, look.cluster_error, recovered)
    return look


async def _look_once(queue: QueuePort, cluster: ClusterPort) -> Look:
    recovered, snapshot, job = await asyncio.gather(
        queue.recover_expired(), queue.snapshot(), cluster.read_job(), return_exceptions=True
    )
    if isinstance(snapshot, BaseException):
        raise snapshot
    if isinstance(recovered, BaseException):
        raise recovered
    if isinstance(job, ObjectGoneError):
        return Look(snapshot, None, job_gone=True, recovered=recovered)
    if isinstance(job, ClusterError):
        return Look(snapshot, None, cluster_error=str(job), recovered=recovered)
    if isinstance(job, BaseException):
        raise job
    return Look(snapshot, job, recovered=recovered)


def observation_of(snapshot: QueueSnapshot, job: JobStatus, plan: Plan) -> Observation:
    """The policy's view. Items that wait for a retry, or were held by a stop, count as queued: they are not done."""
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
        desired_replicas=job.parallelism,
        ready_replicas=job.ready,
        pending_replicas=job.pending,
        terminating_replicas=job.terminating,
        succeeded_pods=job.succeeded,
        failed_pods=job.failed,
        unschedulable_pods=job.unschedulable,
    )
