"""What a queue in memory tells of its run. Rule: nothing here changes the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from kubejobs.durations import DurationSketch
from kubejobs.testing.ledger import Ledger
from kubejobs.workqueue import replies
from kubejobs.workqueue.types import Counts, QueueSnapshot


@dataclass
class Records:
    """What is kept beside the items: the control loop's lock, its memory and its lines (JSON), the run's plan."""

    plan: str | None = None
    started_at: float | None = None
    journal: list[str] = field(default_factory=list)
    state: str | None = None
    leader: str | None = None
    leads_until: float = 0.0
    token: int = 0

    def forget(self) -> None:
        """Be as new."""
        vars(self).update(vars(Records()))


def snapshot_of(ledger: Ledger) -> QueueSnapshot:
    """Counts, signal and times; as on a server `done` is what is in no other place."""
    sums = sums_of(ledger)
    tally = ledger.tally
    places = {place: sums[place] for place in ("queued", "leased", "delayed", "failed", "dead", "held")}
    return QueueSnapshot(
        time=ledger.clock.now(),
        counts=Counts(done=sums["total"] - sum(places.values()), **places),
        signal=ledger.signal,
        first_leased_at=tally.first_leased_at,
        last_acknowledged_at=tally.last_acknowledged_at,
        deliveries=tally.deliveries,
        busy_seconds=tally.worked_seconds,
        durations=DurationSketch(dict(ledger.durations)),
        closed=ledger.closed,
        sessions=len(ledger.sessions),
    )


def sums_of(ledger: Ledger) -> dict[str, int]:
    """What scripts/verify.lua counts."""
    ledger.check()
    leases = ledger.leases.values()
    return {
        "total": ledger.total or 0,
        "done": ledger.tally.done,
        "failed": ledger.tally.failed,
        "dead": ledger.tally.dead,
        "queued": ledger.queued_count(),
        "delayed": len(ledger.delayed),
        "held": len(ledger.held),
        "leased": sum(len(lease.items) for lease in leases),
        "processing": 0,
        "errors": 0,
        "failures": len(ledger.failures),
        "leases": len(leases),
        "empty_leases": sum(not lease.items for lease in leases),
        "unlisted_levels": 0,
    }


class MemoryReader:
    """The reading half of MemoryQueue."""

    ledger: Ledger
    _records: Records

    def snapshot(self) -> QueueSnapshot:
        """Counts, signal and times in one consistent look."""
        return snapshot_of(self.ledger)

    def verify(self, *, open_contract: bool = False) -> tuple[str, ...]:
        """What does not add up in the ledger, a sentence each; nothing if all is well."""
        return replies.discrepancies(sums_of(self.ledger), open_contract=open_contract)

    def iter_journal(self) -> Iterator[dict[str, Any]]:
        """The control loop's lines, oldest first."""
        yield from map(json.loads, self._records.journal)

    def iter_failures(self) -> Iterator[dict[str, Any]]:
        """Items that ended badly; as WorkQueue.iter_failures."""
        for record in self.ledger.failures:
            yield record | {"error": json.loads(record["error"]) if record["error"] else None}

    def iter_results(self) -> Iterator[dict[str, Any]]:
        """What workers returned: `item` and `result`, in the order of their acknowledgement."""
        yield from map(replies.result_record, self.ledger.results)

    def iter_leased(self) -> Iterator[dict[str, Any]]:
        """Items with workers: `item`, `worker`, `attempt`, `expires_in_seconds`."""
        now, tries = self.ledger.clock.now(), self.ledger.tries
        for lease in sorted(self.ledger.leases.values(), key=lambda one: (one.expires_at, one.name)):
            for item in lease.items:
                yield {
                    "item": item,
                    "worker": lease.worker,
                    "attempt": tries[item].attempts + 1 if item in tries else 1,
                    "expires_in_seconds": round(lease.expires_at - now, 3),
                }

    def iter_retrying(self) -> Iterator[dict[str, Any]]:
        """Lines that were delivered without success and have not ended yet: `item`, `attempts`, last `error`."""
        for item, (attempts, problem) in self.ledger.tries.items():
            yield {"item": item, "attempts": attempts, "error": json.loads(problem) if problem else None}

    def iter_exits(self) -> Iterator[dict[str, Any]]:
        """Workers that ended without giving back their items; as WorkQueue.iter_exits."""
        for worker, (end, items, time) in self.ledger.exits.items():
            yield {"worker": worker} | asdict(end) | {"items": items, "time": time}
