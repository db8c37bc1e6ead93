"""A queue and a run for the control loop, in memory and on virtual time.

Rule: they keep the contracts of `kubejobs.control.ports`; what a test wants to go wrong it switches on by name.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kubejobs.control.plan import Plan
from kubejobs.errors import (
    LeadershipLostError,
    QueueLostError,
    QueueUnavailableError,
)
from kubejobs.naming import RunIdentity
from kubejobs.submission.model import Submission, Workload
from kubejobs.workqueue.types import Counts, DrainStatus, QueueSnapshot, Signal, WorkerExit
from support.virtual import EPOCH, VirtualClock

FAIL = float("nan")
"""A service time that stands for an item which its worker reports as failed after a second."""


IDENTITY = RunIdentity("kubejobs", "test")
JOB_NAME = IDENTITY.job_name


def plan_of(total: int, *, expected_time: float = 100.0, **submission: Any) -> Plan:
    """A run of `total` items whose clock starts at EPOCH; `submission` are fields of the Submission."""
    return Plan(
        identity=IDENTITY,
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
    worker: str


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
        self.closed = True
        self.sessions: set[str] = set()
        self.tokens = 0
        self.drained: dict[str, float] = {}
        self.removed: set[str] = set()
        self.exits: dict[str, WorkerExit] = {}
        self.live_workers: list[int | None] = []
        self.starts: list[float] = []

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
            closed=self.closed,
            sessions=len(self.sessions),
        )

    async def recover_expired(
        self, limit: int = 1000, *, live_workers: int | None = None, failed_workers: int = 0
    ) -> int:
        """As QueuePort.recover_expired; its leases are those of the client library."""
        await self._call()
        self.live_workers.append(live_workers)
        now = self.clock.monotonic()
        expired = [number for number, lease in self.leases.items() if lease.expires_at <= now][:limit]
        for number in expired:
            self.queued.append(self.leases.pop(number).item)
        return len(expired)

    async def request_drain(
        self, wanted: int, live: Collection[str], others: Collection[str] | None = None
    ) -> DrainStatus:
        """As QueuePort.request_drain."""
        await self._call()
        self.removed |= {name for name in self.drained if others is not None and name not in {*live, *others}}
        self.drained = {name: since for name, since in self.drained.items() if name in live}
        while len(self.drained) > wanted:
            self.drained.pop(max(self.drained, key=lambda name: (self.drained[name], name)))
        self.tokens = wanted - len(self.drained)
        return DrainStatus(self.tokens, dict(self.drained))

    async def lease_holders(self) -> tuple[str, ...]:
        """As QueuePort.lease_holders."""
        await self._call()
        return tuple(sorted({lease.worker for lease in self.leases.values() if lease.worker}))

    async def record_exits(self, exits: Mapping[str, WorkerExit]) -> int:
        """As QueuePort.record_exits."""
        await self._call()
        self.exits.update(exits)
        held = [number for number, lease in self.leases.items() if lease.worker in exits]
        for number in held:
            self.queued.append(self.leases.pop(number).item)
        self.sessions -= exits.keys()
        return len(held)

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

    def drains(self, worker: str) -> bool:
        """Whether this worker, which holds no item, is to lease none; one that is asked for takes the place."""
        if worker in self.removed:
            return True
        if worker not in self.drained and self.tokens > 0 and self.signal is None:
            self.tokens -= 1
            self.drained[worker] = self.clock.now()
        return worker in self.drained

    def lease(self, worker: str = "w") -> tuple[int, float] | None:
        """The next item's lease and service time; None when nothing is queued."""
        if not self.queued:
            return None
        self.deliveries += 1
        if self.first_leased_at is None:
            self.first_leased_at = self.clock.now()
        item = self.queued.popleft()
        self.leases[self.deliveries] = _Lease(item, self.clock.monotonic() + self.lease_seconds, worker)
        self.starts.append(item)
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
