"""A queue, a cluster and a run for the control loop, in memory and on virtual time.

Rule: they keep the contracts of `kubejobs.control.ports`; what a test wants to go wrong it switches on by name.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from kubejobs.control.plan import Plan
from kubejobs.control.ports import JobStatus
from kubejobs.errors import (
    ClusterUnavailableError,
    LeadershipLostError,
    ObjectConflictError,
    ObjectGoneError,
    QueueLostError,
    QueueUnavailableError,
)
from kubejobs.naming import RunIdentity
from kubejobs.submission.model import Submission, Workload
from kubejobs.workqueue.types import Counts, QueueSnapshot, Signal
from support.virtual import EPOCH, VirtualClock

FAIL = float("nan")
"""A service time that stands for an item which its worker reports as failed after a second."""


def plan_of(total: int, *, expected_time: float = 100.0, **submission: Any) -> Plan:
    """A run of `total` items whose clock starts at EPOCH; `submission` are fields of the Submission."""
    return Plan(
        identity=RunIdentity("kubejobs", "test"),
        submission=Submission(
            image="busybox", workload=Workload(items=("a",)), expected_time=expected_time, **submission
        ),
        namespace="default",
        total=total,
        submitted_at=EPOCH - 5,
        started_at=EPOCH,
    )


@dataclass
class _Lease:
    item: float
    expires_at: float


class FakeQueue:
    """A QueuePort over a list of service times in seconds, and what workers do with it.

    `down_from`/`down_until` (virtual seconds) make every call raise QueueUnavailableError; `lost` makes it
    QueueLostError; `silent` lets calls hang.
    """

    def __init__(self, clock: VirtualClock, items: list[float], *, lease_seconds: float = 60.0) -> None:
        self.clock = clock
        self.lease_seconds = lease_seconds
        self.queued: deque[float] = deque(items)
        self.leases: dict[int, _Lease] = {}
        self.held: list[float] = []
        self.done = self.failed = self.dead = self.deliveries = 0
        self.busy_seconds = 0.0
        self.first_leased_at: float | None = None
        self.last_acknowledged_at: float | None = None
        self.signal: Signal | None = None
        self.journal: list[dict[str, Any]] = []
        self.state: str | None = None
        self.leader: str | None = None
        self.leads_until = 0.0
        self.token = 0
        self.down_from = self.down_until = 0.0
        self.lost = False
        self.silent = False

    async def _call(self) -> None:
        await asyncio.sleep(0)
        if self.silent:
            await asyncio.sleep(1e9)
        if self.down_from <= self.clock.monotonic() < self.down_until:
            raise QueueUnavailableError("connection refused")
        if self.lost:
            raise QueueLostError("the run's keys are gone")

    # -- the port --------------------------------------------------------------

    async def snapshot(self) -> QueueSnapshot:
        """As QueuePort.snapshot."""
        await self._call()
        counts = Counts(
            queued=len(self.queued),
            leased=len(self.leases),
            done=self.done,
            failed=self.failed,
            dead=self.dead,
            held=len(self.held),
        )
        return QueueSnapshot(
            time=self.clock.now(),
            counts=counts,
            signal=self.signal,
            first_leased_at=self.first_leased_at,
            last_acknowledged_at=self.last_acknowledged_at,
            deliveries=self.deliveries,
            busy_seconds=self.busy_seconds,
        )

    async def recover_expired(self, limit: int = 1000) -> int:
        """As QueuePort.recover_expired."""
        await self._call()
        now = self.clock.monotonic()
        expired = [number for number, lease in self.leases.items() if lease.expires_at <= now][:limit]
        for number in expired:
            self.queued.append(self.leases.pop(number).item)
        return len(expired)

    async def hold_queued(self) -> int:
        """As QueuePort.hold_queued."""
        await self._call()
        self.held.extend(self.queued)
        self.queued.clear()
        return len(self.held)

    async def acquire_leadership(self, owner: str, ttl_seconds: float) -> int | None:
        """As QueuePort.acquire_leadership."""
        await self._call()
        if self.leader not in {None, owner} and self.clock.monotonic() < self.leads_until:
            return None
        self.leader, self.leads_until = owner, self.clock.monotonic() + ttl_seconds
        self.token += 1
        return self.token

    async def renew_leadership(self, token: int, ttl_seconds: float) -> None:
        """As QueuePort.renew_leadership."""
        await self._call()
        self._check(token)
        self.leads_until = self.clock.monotonic() + ttl_seconds

    async def release_leadership(self, token: int) -> None:
        """As QueuePort.release_leadership."""
        await self._call()
        if token == self.token:
            self.leader = None

    async def load_state(self) -> dict[str, Any] | None:
        """As QueuePort.load_state."""
        await self._call()
        return None if self.state is None else json.loads(self.state)

    async def save_turn(self, token: int, line: dict[str, Any], state: dict[str, Any]) -> None:
        """As QueuePort.save_turn."""
        await self._call()
        self._check(token)
        self.journal.append(json.loads(json.dumps(line, allow_nan=False)))
        self.state = json.dumps(state, allow_nan=False)

    async def signal_run(self, signal: Signal) -> None:
        """As QueuePort.signal_run."""
        await self._call()
        self.signal = signal

    def _check(self, token: int) -> None:
        if token != self.token or self.leader is None:
            raise LeadershipLostError("another loop leads")

    # -- what workers do -------------------------------------------------------

    def lease(self) -> tuple[int, float] | None:
        """The next item's lease and service time; None when nothing is queued."""
        if not self.queued:
            return None
        self.deliveries += 1
        if self.first_leased_at is None:
            self.first_leased_at = self.clock.now()
        item = self.queued.popleft()
        self.leases[self.deliveries] = _Lease(item, self.clock.monotonic() + self.lease_seconds)
        return self.deliveries, item

    def renew(self, number: int) -> None:
        """The worker of this lease is alive."""
        if number in self.leases:
            self.leases[number].expires_at = self.clock.monotonic() + self.lease_seconds

    def finish(self, number: int, seconds: float) -> None:
        """The item of this lease has its result."""
        lease = self.leases.pop(number, None)
        if lease is None:
            return
        if math.isnan(lease.item):
            self.failed += 1
        else:
            self.done += 1
        self.busy_seconds += seconds
        self.last_acknowledged_at = self.clock.now()

    def give_back(self, number: int) -> None:
        """The worker returns its item, as it does on SIGTERM."""
        lease = self.leases.pop(number, None)
        if lease is not None:
            self.queued.appendleft(lease.item)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The journal's lines of one event."""
        return [line for line in self.journal if line["event"] == name]


@dataclass(eq=False)
class _Pod:
    task: asyncio.Task[None] | None = None
    ready: bool = False
    lease: int | None = None


@dataclass
class Cluster:
    """What a FakeCluster is like; seconds, and pods.

    `room`: pods that fit; the others stay unschedulable. `created_after`: when the Job comes into being. `stay`:
    workers never exit by themselves. `exit_early`: workers exit with 0 as soon as nothing is queued.
    """

    startup_seconds: float = 2.0
    room: int = 1000
    created_after: float = 0.0
    stay: bool = False
    exit_early: bool = False
    poll_seconds: float = 1.0


@dataclass
class _JobCounts:
    parallelism: int
    version: int = 1
    succeeded: int = 0
    failed: int = 0
    pods: list[_Pod] = field(default_factory=list)


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

    async def read_job(self) -> JobStatus:
        """As ClusterPort.read_job."""
        await self._call()
        if self.gone or self.clock.monotonic() < self.like.created_after:
            raise ObjectGoneError("Job kj-test not found", status=404, reason="NotFound")
        self._reconcile()
        job = self.job
        started = [pod for pod in job.pods if pod.task is not None]
        return JobStatus(
            parallelism=job.parallelism,
            active=len(job.pods),
            ready=sum(pod.ready for pod in job.pods),
            succeeded=job.succeeded,
            failed=job.failed,
            unschedulable=len(job.pods) - len(started),
            pending_reason="0/1 nodes are available: Insufficient cpu" if len(started) < len(job.pods) else None,
            complete=bool(job.succeeded) and not job.pods,
            failure=self.failure,
            resource_version=str(job.version),
        )

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
        self._reconcile()

    async def _call(self) -> None:
        await asyncio.sleep(0)
        if self.down_from <= self.clock.monotonic() < self.down_until:
            raise ClusterUnavailableError("connection refused")

    # -- the Job controller ------------------------------------------------------

    def start(self) -> None:
        """Create the first pods now, before anybody reads the Job."""
        self._reconcile()

    def delete(self) -> None:
        """Delete the Job and its pods from outside."""
        self.gone = True
        for pod in list(self.job.pods):
            self._remove(pod)

    def crash_pod(self) -> None:
        """One worker dies; its item stays leased until the lease expires."""
        pod = next(pod for pod in self.job.pods if pod.lease is not None)
        pod.lease = None
        self.job.failed += 1
        self._remove(pod)
        self._reconcile()

    def _reconcile(self) -> None:
        """As the Job controller does: no new pod once one has succeeded; not-ready pods go first, then the newest."""
        job = self.job
        while len(job.pods) > job.parallelism:
            self._remove(min(reversed(job.pods), key=lambda pod: (pod.task is not None, pod.ready)))
        while len(job.pods) < job.parallelism and not job.succeeded and self.failure is None and not self.gone:
            job.pods.append(_Pod())
        running = sum(pod.task is not None for pod in job.pods)
        for pod in job.pods:
            if pod.task is None and running < self.like.room:
                pod.task = asyncio.create_task(self._work(pod))
                running += 1

    def _remove(self, pod: _Pod) -> None:
        self.job.pods.remove(pod)
        if pod.task is not None:
            pod.task.cancel()
        if pod.lease is not None:
            self.queue.give_back(pod.lease)

    async def _work(self, pod: _Pod) -> None:
        await asyncio.sleep(self.like.startup_seconds)
        pod.ready = True
        while True:
            leased = self.queue.lease()
            if leased is not None:
                await self._serve(pod, *leased)
            elif not self.like.stay and (self.like.exit_early or not self.queue.leases):
                break
            else:
                await asyncio.sleep(self.like.poll_seconds)
        self.job.succeeded += 1
        self.job.pods.remove(pod)

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
