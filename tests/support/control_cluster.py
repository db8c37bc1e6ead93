"""A cluster for the control loop, in memory and on virtual time: a Job whose pods work a FakeQueue off.

Rule: pods are removed in Kubernetes' own order, and one that is being removed goes on as long as it may.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

from kubejobs.cluster.worker_pods import WorkerPod, removal_order
from kubejobs.control.ports import JobStatus
from kubejobs.errors import ClusterUnavailableError, ObjectConflictError, ObjectGoneError
from kubejobs.workqueue.types import WorkerExit
from support.control_fakes import JOB_NAME, FakeQueue
from support.virtual import VirtualClock


@dataclass(eq=False)
class _Pod:
    name: str
    number: int
    task: asyncio.Task[None] | None = None
    ready_at: float | None = None
    lease: int | None = None
    phase: str = "Pending"
    terminating: bool = False
    exit: WorkerExit | None = None

    def seen(self) -> WorkerPod:
        """As the control loop sees it."""
        return WorkerPod(
            name=self.name,
            phase=self.phase,
            assigned=self.task is not None,
            ready=self.ready_at is not None,
            terminating=self.terminating,
            created_at=float(self.number),
            ready_at=self.ready_at,
            exit=self.exit,
        )


@dataclass
class Cluster:
    """What a FakeCluster is like; seconds, and pods.

    `room`: pods that fit; the others stay unschedulable. `created_after`: when the Job comes into being. `stay`:
    workers never exit by themselves. `exit_early`: workers exit with 0 as soon as nothing is queued. `foreign`: they
    know no draining. `removal_seconds`: how long after a patch Kubernetes removes pods; `grace_seconds`: how long a
    removed pod goes on then, and its item is given back or, with `killed`, left leased. `probe_seconds`: how long it
    takes until Kubernetes sees that a worker's readiness changed.
    """

    startup_seconds: float = 2.0
    room: int = 1000
    created_after: float = 0.0
    stay: bool = False
    exit_early: bool = False
    poll_seconds: float = 1.0
    foreign: bool = False
    removal_seconds: float = 0.0
    grace_seconds: float = 0.0
    killed: bool = False
    probe_seconds: float = 1.0


@dataclass
class _JobCounts:
    parallelism: int
    version: int = 1
    succeeded: int = 0
    failed: int = 0
    pods: list[_Pod] = field(default_factory=list)
    ended: list[_Pod] = field(default_factory=list)
    made: int = 0


class FakeCluster:
    """A ClusterPort whose pods work a FakeQueue off on virtual time.

    `down_from`/`down_until` as in FakeQueue; `gone` is a deleted Job; `failure` a failed one; so many `conflicts` are
    answered to patches.
    """

    def __init__(self, clock: VirtualClock, queue: FakeQueue, parallelism: int, like: Cluster | None = None) -> None:
        self.clock = clock
        self.queue = queue
        self.like = like or Cluster()
        self.job = _JobCounts(parallelism)
        self.down_from = self.down_until = 0.0
        self.gone = False
        self.failure: str | None = None
        self.conflicts = 0
        self.patches: list[tuple[float, int]] = []
        self.pods_unreadable = False
        self.interrupted = 0

    async def read_job(self) -> JobStatus:
        """As ClusterPort.read_job."""
        await self._call()
        if self.gone or self.clock.monotonic() < self.like.created_after:
            raise ObjectGoneError("Job kj-test not found", status=404, reason="NotFound")
        self._reconcile()
        job, active = self.job, self.active
        started = [pod for pod in active if pod.task is not None]
        return JobStatus(
            parallelism=job.parallelism,
            active=len(active),
            ready=sum(pod.ready_at is not None for pod in active),
            terminating=len(job.pods) - len(active),
            succeeded=job.succeeded,
            failed=job.failed,
            unschedulable=len(active) - len(started),
            pending_reason="0/1 nodes are available: Insufficient cpu" if len(started) < len(active) else None,
            complete=bool(job.succeeded) and not job.pods,
            failure=self.failure,
            resource_version=str(job.version),
        )

    async def read_pods(self) -> tuple[WorkerPod, ...]:
        """As ClusterPort.read_pods."""
        await self._call()
        if self.pods_unreadable:
            raise ClusterUnavailableError("pods is forbidden")
        return tuple(pod.seen() for pod in (*self.job.pods, *self.job.ended))

    async def set_parallelism(self, replicas: int, resource_version: str) -> None:
        """As ClusterPort.set_parallelism."""
        await self._call()
        if self.gone:
            raise ObjectGoneError("Job kj-test not found", status=404, reason="NotFound")
        if self.conflicts or resource_version != str(self.job.version):
            self.conflicts = max(self.conflicts - 1, 0)
            raise ObjectConflictError("the object has been modified", status=409, reason="Conflict")
        self.job.parallelism = replicas
        self.job.version += 1
        self.patches.append((self.clock.monotonic(), replicas))
        if self.like.removal_seconds:
            asyncio.get_running_loop().call_later(self.like.removal_seconds, self._reconcile)
        else:
            self._reconcile()

    async def _call(self) -> None:
        await asyncio.sleep(0)
        if self.down_from <= self.clock.monotonic() < self.down_until:
            raise ClusterUnavailableError("connection refused")

    # -- the Job controller ------------------------------------------------------

    @property
    def active(self) -> list[_Pod]:
        """The pods that the Job counts."""
        return [pod for pod in self.job.pods if not pod.terminating]

    def start(self) -> None:
        """Create the first pods now, before anybody reads the Job."""
        self._reconcile()

    def delete(self) -> None:
        """Delete the Job and its pods from outside."""
        self.gone = True
        for pod in list(self.job.pods):
            self._end(pod)

    def crash_pod(self, end: WorkerExit | None = None) -> str:
        """One worker dies as `end` says, or its pod vanishes; its item stays leased. Returns the worker's name."""
        pod = next(pod for pod in self.job.pods if pod.lease is not None)
        pod.lease = None
        self.job.failed += 1
        self._end(pod)
        if end is not None:
            pod.phase, pod.exit = "Failed", end
            self.job.ended.append(pod)
        self._reconcile()
        return pod.name

    def fail_unstarted(self, end: WorkerExit) -> None:
        """One more pod fails before it could do anything."""
        self.job.made += 1
        self.job.failed += 1
        pod = _Pod(f"{JOB_NAME}-{self.job.made:03d}", self.job.made, phase="Failed", exit=end)
        self.job.ended.append(pod)

    def _reconcile(self) -> None:
        """As the Job controller does: no new pod once one has succeeded, and removals in Kubernetes' own order."""
        job = self.job
        if not job.succeeded:
            surplus = max(len(self.active) - job.parallelism, 0)
            by_name = {pod.name: pod for pod in job.pods}
            for seen in removal_order(pod.seen() for pod in job.pods)[:surplus]:
                self._remove(by_name[seen.name])
        while len(self.active) < job.parallelism and not job.succeeded and self.failure is None and not self.gone:
            job.made += 1
            job.pods.append(_Pod(f"{JOB_NAME}-{job.made:03d}", job.made))
        running = sum(pod.task is not None for pod in job.pods)
        for pod in job.pods:
            if pod.task is None and running < self.like.room:
                pod.task = asyncio.create_task(self._work(pod))
                running += 1

    def _remove(self, pod: _Pod) -> None:
        pod.terminating = True
        if self.like.grace_seconds and pod.task is not None:
            asyncio.get_running_loop().call_later(self.like.grace_seconds, self._end, pod)
        else:
            self._end(pod)

    def _end(self, pod: _Pod) -> None:
        if pod not in self.job.pods:
            return
        self.job.pods.remove(pod)
        self.queue.sessions.discard(pod.name)
        if pod.task is not None:
            pod.task.cancel()
        self.interrupted += pod.lease is not None
        if pod.lease is not None and not self.like.killed:
            self.queue.give_back(pod.lease)

    async def _work(self, pod: _Pod) -> None:
        await asyncio.sleep(self.like.startup_seconds)
        pod.phase = "Running"
        self._shows(pod, ready=True)
        if not self.like.foreign:
            self.queue.sessions.add(pod.name)
        while True:
            if not self.like.foreign and self.queue.drains(pod.name):
                await self._wait_drained(pod)
                if not self._needed:
                    break
                continue
            leased = self.queue.lease("" if self.like.foreign else pod.name)
            if leased is not None:
                await self._serve(pod, *leased)
            elif not self.like.stay and (self.like.exit_early or (not self.queue.leases and self.queue.closed)):
                break
            else:
                await asyncio.sleep(self.like.poll_seconds)
        self.job.succeeded += 1
        self.queue.sessions.discard(pod.name)
        self.job.pods.remove(pod)

    @property
    def _needed(self) -> bool:
        return bool(self.queue.queued or self.queue.leases or self.like.stay or not self.queue.closed)

    async def _wait_drained(self, pod: _Pod) -> None:
        """Until it is woken, or nothing is left to do; Kubernetes sees it late that the worker is not ready."""
        asyncio.get_running_loop().call_later(self.like.probe_seconds, self._shows, pod)
        while self.queue.drains(pod.name) and self._needed:  # noqa: ASYNC110 - a worker polls
            await asyncio.sleep(0.5)
        asyncio.get_running_loop().call_later(self.like.probe_seconds, self._shows, pod)

    def _shows(self, pod: _Pod, *, ready: bool | None = None) -> None:
        """Kubernetes sees whether the worker takes items."""
        takes_items = pod.name not in self.queue.drained if ready is None else ready
        pod.ready_at = (pod.ready_at or self.clock.now()) if takes_items else None

    async def _serve(self, pod: _Pod, number: int, item: float) -> None:
        pod.lease = number
        left = seconds = 1.0 if math.isnan(item) else item
        while left > 0:
            step = min(left, self.queue.lease_seconds / 3)
            await asyncio.sleep(step)
            left -= step
            self.queue.renew(number)
        self.queue.finish(number, seconds)
        pod.lease = None
