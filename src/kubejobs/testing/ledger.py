"""Where each item of a run is, in memory, and the only ways in which one changes its place.

Rule: what scripts/common.lua does to the keys of a run, this does to one object, in the same order; both are held to it
by one contract suite. A turn costs O(log n) at most.
"""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from kubejobs.errors import QueueLostError, QueueUnavailableError
from kubejobs.testing.shortening import shortened
from kubejobs.workqueue.appending import HIGHEST_PRIORITY
from kubejobs.workqueue.leasing import QueueState, Settled
from kubejobs.workqueue.types import Signal, WorkerExit

WHOLE_ERRORS: Final = 1000
_HEAP_SLACK: Final = 64


class Now(Protocol):
    """The part of a clock that a queue needs."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


@dataclass(slots=True)
class Lease:
    """Items with a worker until `expires_at`."""

    name: str
    worker: str
    level: int
    items: list[str]
    expires_at: float


class Session(NamedTuple):
    """A session's last turn, so that it can be sent again."""

    number: int
    settled: Settled
    state: QueueState
    lease: str


class Limits(NamedTuple):
    """Deliveries after which an item is dead, and the delays of its retries in seconds."""

    max_attempts: int
    first_seconds: float
    longest_seconds: float


class Tries(NamedTuple):
    """Deliveries of a line without success, and the last error's JSON."""

    attempts: int
    problem: str | None


@dataclass(slots=True)
class Tally:
    """What is counted as it happens; times are seconds, or since the epoch."""

    done: int = 0
    failed: int = 0
    dead: int = 0
    deliveries: int = 0
    delays: int = 0
    worked_seconds: float = 0.0
    first_leased_at: float | None = None
    last_acknowledged_at: float | None = None


@dataclass
class Ledger:
    """One run. `total` is None until it was filled, and after it was deleted.

    `jitter` gives numbers from 0 to 1. `unavailable` makes every call fail as if the server did not answer.
    """

    clock: Now
    jitter: Callable[[], float]
    total: int | None = None
    closed: bool = False
    merged: bool = False
    signal: Signal | None = None
    unavailable: bool = False
    levels: list[deque[str]] = field(default_factory=lambda: [deque() for _ in range(HIGHEST_PRIORITY + 1)])
    held: deque[str] = field(default_factory=deque)
    leases: dict[str, Lease] = field(default_factory=dict)
    delayed: list[tuple[float, int, int, str]] = field(default_factory=list)
    tries: dict[str, Tries] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    exits: dict[str, tuple[WorkerExit, int, float]] = field(default_factory=dict)
    drain_requests: int | None = None
    drained: dict[str, float] = field(default_factory=dict)
    durations: dict[int, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    _expiries: list[tuple[float, str]] = field(default_factory=list)

    def check(self) -> None:
        """Raise what a server's client would raise, were it away or had it lost the run."""
        self.check_available()
        if self.total is None:
            raise QueueLostError("the queue in memory does not hold this run: it was not filled, or it was deleted")

    def check_available(self) -> None:
        """Raise what a client would raise, were the server away."""
        if self.unavailable:
            raise QueueUnavailableError("the queue in memory does not answer, as it was told")

    def forget(self) -> None:
        """Be as new, for those too who know this object."""
        vars(self).update(vars(Ledger(self.clock, self.jitter)))

    def queued_count(self) -> int:
        """Items of all priorities that wait to be leased."""
        return sum(map(len, self.levels))

    def put_back(self, items: list[str], level: int) -> None:
        """Let these be taken before everything else of their level; a run that was asked to stop holds them."""
        target = self.levels[level] if self.signal is None else self.held
        target.extendleft(reversed(items))

    def grant(self, lease: Lease) -> None:
        """Let a worker have these items."""
        self.leases[lease.name] = lease
        self._note_expiry(lease)

    def renew(self, name: str, seconds: float) -> bool:
        """Keep a lease until `seconds` from now; False if there is none."""
        lease = self.leases.get(name)
        if lease is None:
            return False
        lease.expires_at = self.clock.now() + seconds
        self._note_expiry(lease)
        return True

    def _note_expiry(self, lease: Lease) -> None:
        # What was noted of leases that have ended or were renewed is dropped when it is most of the heap.
        if len(self._expiries) > 2 * len(self.leases) + _HEAP_SLACK:
            self._expiries = [(one.expires_at, one.name) for one in self.leases.values()]
            heapq.heapify(self._expiries)
        else:
            heapq.heappush(self._expiries, (lease.expires_at, lease.name))

    def _next_expiry(self) -> tuple[float, str] | None:
        while self._expiries:
            expires_at, name = self._expiries[0]
            lease = self.leases.get(name)
            if lease is not None and lease.expires_at == expires_at:
                return expires_at, name
            heapq.heappop(self._expiries)
        return None

    def next_event_at(self) -> float | None:
        """When time alone will change something: a delay or a lease ends. None: never."""
        expiry = self._next_expiry()
        times = [expiry[0]] if expiry else []
        if self.delayed:
            times.append(self.delayed[0][0])
        return min(times, default=None)

    def take_over_expired(self, limit: int, max_attempts: int) -> int:
        """Put back what at most `limit` expired leases hold; returns how many items."""
        recovered, now = 0, self.clock.now()
        for _ in range(limit):
            expiry = self._next_expiry()
            if expiry is None or expiry[0] > now:
                break
            recovered += self.take_over(self.leases[expiry[1]], max_attempts)
        return recovered

    def take_over(self, lease: Lease, max_attempts: int) -> int:
        """Put back, whole, what a lease holds; what its worker says later finds no lease."""
        del self.leases[lease.name]
        items = lease.items
        reason, problem, blames_items = self._loss_of(lease.worker)
        if blames_items:
            items = [item for item in items if self.may_run_again(item, max_attempts, reason, problem, lease.worker)]
        self.put_back(items, lease.level)
        return len(lease.items)

    def _loss_of(self, worker: str) -> tuple[str, str, bool]:
        noted = self.exits.get(worker)
        if noted is None:
            message = f"worker {worker} stopped renewing its lease"
            return "LeaseExpired", json.dumps({"type": "LeaseExpired", "message": message}), True
        end = noted[0]
        return end.reason, json.dumps({"type": end.reason, "message": end.message}), end.blames_items

    def requeue_due(self, limit: int) -> None:
        """Put back delayed items whose time has come."""
        now = self.clock.now()
        due: list[tuple[float, int, int, str]] = []
        while self.delayed and self.delayed[0][0] <= now and len(due) < limit:
            due.append(heapq.heappop(self.delayed))
        for _, _, level, item in reversed(due):
            self.put_back([item], level)

    def delay(self, item: str, level: int, seconds: float, number: int) -> None:
        """Let an item wait before it is queued again."""
        heapq.heappush(self.delayed, (self.clock.now() + seconds, number, level, item))

    def give_up(self, kind: str, item: str, attempts: int, reason: str, problem: str | None, worker: str) -> None:
        """The final, bad end of one item; `kind` is failed or dead."""
        setattr(self.tally, kind, getattr(self.tally, kind) + 1)
        if problem and len(self.failures) >= WHOLE_ERRORS:
            problem = shortened(problem)
        self.failures.append(
            {
                "item": item,
                "kind": kind,
                "reason": reason,
                "attempts": attempts,
                "worker": worker,
                "time": round(self.clock.now(), 3),
                "error": problem,
            }
        )
        self.tries.pop(item, None)

    def may_run_again(self, item: str, max_attempts: int, reason: str, problem: str | None, worker: str) -> bool:
        """Count a delivery that ended without success; False if it was the last one and the item is dead."""
        before = self.tries.get(item)
        attempts = before.attempts + 1 if before else 1
        last_problem = before.problem if before else None
        if attempts >= max_attempts:
            self.give_up("dead", item, attempts, reason, problem or last_problem, worker)
            return False
        if problem and len(self.tries) >= WHOLE_ERRORS:
            problem = shortened(problem)
        self.tries[item] = Tries(attempts, problem or last_problem)
        return True
