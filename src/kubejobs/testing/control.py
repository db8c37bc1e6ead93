"""A queue in memory as the control loop sees it: AsyncWorkQueue's interface."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Self

from kubejobs.errors import LeadershipLostError
from kubejobs.testing.ledger import Ledger
from kubejobs.testing.reading import Records, snapshot_of
from kubejobs.workqueue.types import DrainStatus, QueueSnapshot, Signal, WorkerExit


class MemoryControlPort:
    """The control loop's QueuePort over a MemoryQueue, which makes it.

    Its runs have no workers of the open contract, so `live_workers` changes nothing.
    """

    def __init__(self, ledger: Ledger, records: Records, max_attempts: int) -> None:
        self._ledger = ledger
        self._records = records
        self._max_attempts = max_attempts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def snapshot(self) -> QueueSnapshot:
        """Counts, signal and times in one consistent look."""
        return snapshot_of(self._ledger)

    async def recover_expired(
        self,
        limit: int = 1000,
        *,
        live_workers: int | None = None,  # noqa: ARG002  # there are no workers of the open contract
        failed_workers: int = 0,  # noqa: ARG002
    ) -> int:
        """Put back items whose lease has expired; returns how many."""
        self._ledger.check()
        self._ledger.requeue_due(limit)
        return self._ledger.take_over_expired(limit, self._max_attempts)

    async def request_drain(
        self, wanted: int, live: Collection[str], others: Collection[str] | None = None
    ) -> DrainStatus:
        """Let `wanted` of the workers named in `live` be idle or asked to become so; 0: none."""
        ledger = self._ledger
        ledger.check()
        now = ledger.clock.now()
        idle = sorted((since or now, worker) for worker, since in ledger.drained.items() if worker in live)[:wanted]
        gone = {
            worker: 0.0
            for worker, since in ledger.drained.items()
            if worker not in live and (worker not in others if others is not None else since == 0)
        }
        drained = {worker: since for since, worker in idle}
        ledger.drained = drained | gone
        ledger.drain_requests = wanted - len(idle) if wanted or gone else None
        return DrainStatus(wanted - len(idle), drained)

    async def lease_holders(self) -> tuple[str, ...]:
        """Names of the workers that hold a lease."""
        return tuple(sorted({lease.worker for lease in self._ledger.leases.values()}))

    async def record_exits(self, exits: Mapping[str, WorkerExit]) -> int:
        """Note how these workers ended and put back what they held, at once; returns how many items."""
        ledger = self._ledger
        ledger.check()
        by_expiry = sorted(ledger.leases.values(), key=lambda lease: (lease.expires_at, lease.name))
        held = {worker: [lease for lease in by_expiry if lease.worker == worker] for worker in exits}
        recovered = 0
        for worker, end in exits.items():
            items = sum(len(lease.items) for lease in held[worker])
            before = ledger.exits[worker][1] if worker in ledger.exits else 0
            ledger.exits[worker] = (end, items + before, ledger.clock.now())
            recovered += sum(ledger.take_over(lease, self._max_attempts) for lease in held[worker])
        ledger.sessions = {
            session: turn for session, turn in ledger.sessions.items() if session.rpartition("/")[0] not in exits
        }
        return recovered

    async def hold_queued(self) -> int:
        """Take every queued and delayed item out of the queue (a stop); returns how many are held."""
        ledger = self._ledger
        ledger.check()
        for level in reversed(ledger.levels):
            ledger.held.extend(level)
            level.clear()
        ledger.held.extend(item for *_, item in sorted(ledger.delayed))
        ledger.delayed.clear()
        return len(ledger.held)

    async def signal_run(self, signal: Signal) -> None:
        """Ask the run to stop or to terminate."""
        self._ledger.signal = signal

    async def acquire_leadership(self, owner: str, ttl_seconds: float) -> int | None:
        """Become the run's only control loop; a token that grows, or None while another owner leads."""
        self._ledger.check()
        records, now = self._records, self._ledger.clock.now()
        if records.leader not in {None, owner} and records.leads_until > now:
            return None
        records.leader, records.leads_until = owner, now + ttl_seconds
        records.token += 1
        return records.token

    async def renew_leadership(self, token: int, ttl_seconds: float) -> None:
        """Lead for `ttl_seconds` from now; LeadershipLostError if another took over."""
        self._check_leads(token)
        self._records.leads_until = self._ledger.clock.now() + ttl_seconds

    async def release_leadership(self, token: int) -> None:
        """Stop leading; nothing happens if another leads already."""
        self._ledger.check()
        if token == self._records.token:
            self._records.leads_until = 0.0

    async def load_state(self) -> dict[str, Any] | None:
        """What `save_turn` stored last."""
        return None if self._records.state is None else dict(json.loads(self._records.state))

    async def save_turn(self, token: int, line: dict[str, Any], state: dict[str, Any]) -> None:
        """Append one line to the journal and store the loop's state, if `token` still leads."""
        line_text, state_text = (json.dumps(value, allow_nan=False) for value in (line, state))
        self._check_leads(token)
        self._records.journal.append(line_text)
        self._records.state = state_text

    async def read_plan(self) -> str | None:
        """The run's plan, or None if there is none yet."""
        return self._records.plan

    def _check_leads(self, token: int) -> None:
        self._ledger.check()
        if token != self._records.token or self._records.leader is None:
            raise LeadershipLostError("another process leads this run in the queue in memory; this one stops writing")
