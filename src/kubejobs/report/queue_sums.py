"""What the queue tells after a run's end, as sections of the report. Rule: pure, in one pass, in flat memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kubejobs.report.model import Durations, FrequentError, Ledger, Workers, shortened
from kubejobs.workqueue.types import QueueSnapshot

_DIGITS = 6
_MOST_DISCREPANCIES = 10
_MOST_TYPES: Final = 1000
_MOST_FREQUENT: Final = 10
_LONGEST_TYPE: Final = 80
_LONGEST_MESSAGE: Final = 160
_OTHER: Final = "other types"
_LIST_BYTES: Final = 65_536


def durations_of(snapshot: QueueSnapshot | None) -> Durations:
    """The distribution of the items' durations."""
    if snapshot is None or not snapshot.durations.count:
        return Durations()
    sketch = snapshot.durations
    shares = (sketch.mean(), *(sketch.quantile(share) for share in (0.5, 0.9, 0.99, 1.0)))
    return Durations(sketch.count, *(None if seconds is None else round(seconds, _DIGITS) for seconds in shares))


def workers_of(exits: Iterable[Mapping[str, Any]]) -> Workers:
    """The exits of `WorkQueue.iter_exits`, by reason."""
    reasons: Counter[str] = Counter()
    items = 0
    for worker_exit in exits:
        reasons[worker_exit["reason"]] += 1
        items += worker_exit["items"]
    return Workers(reasons.total(), dict(reasons.most_common()), items)


def ledger_of(discrepancies: tuple[str, ...]) -> Ledger:
    """What `WorkQueue.verify` found."""
    return Ledger(not discrepancies, discrepancies[:_MOST_DISCREPANCIES])


class FailureSums:
    """Feed it the records of `WorkQueue.iter_failures`, then read it."""

    def __init__(self) -> None:
        self.count = 0
        self._types: Counter[str] = Counter()
        self._first_messages: dict[str, str] = {}
        self._listed: list[dict[str, Any]] = []
        self._room_bytes = _LIST_BYTES

    def add_all(self, failures: Iterable[Mapping[str, Any]]) -> FailureSums:
        """Every record, in order; returns itself."""
        for record in failures:
            self._count(record)
            self._list(record)
            self.count += 1
        return self

    def frequent_errors(self) -> tuple[FrequentError, ...]:
        """The most frequent types of error, at most ten; for an item without an error its reason counts as the type."""
        common = self._types.most_common(_MOST_FREQUENT)
        return tuple(FrequentError(name, count, self._first_messages.get(name, "")) for name, count in common)

    def small_list(self) -> dict[str, Any] | None:
        """The records as far as they fit into 64 KiB, without tracebacks: for XCom; None when nothing failed.

        `complete` says whether they are all there.
        """
        if not self.count:
            return None
        return {"complete": len(self._listed) == self.count, "count": self.count, "records": self._listed}

    def _count(self, record: Mapping[str, Any]) -> None:
        error = record["error"] or {}
        name = shortened(str(error.get("type") or record["reason"]), _LONGEST_TYPE)
        if name not in self._types and len(self._types) >= _MOST_TYPES:
            name = _OTHER
        self._types[name] += 1
        self._first_messages.setdefault(name, shortened(str(error.get("message") or ""), _LONGEST_MESSAGE))

    def _list(self, record: Mapping[str, Any]) -> None:
        """Keep the record if there is room and none was left out before, so that the list is a beginning of all."""
        if len(self._listed) < self.count:
            return
        small = _small(record)
        size = len(json.dumps(small).encode())
        if size <= self._room_bytes:
            self._room_bytes -= size
            self._listed.append(small)


def _small(record: Mapping[str, Any]) -> dict[str, Any]:
    error = record["error"]
    short = error and {
        "type": error.get("type"),
        "message": shortened(str(error.get("message") or ""), _LONGEST_MESSAGE),
    }
    return {name: record[name] for name in ("item", "kind", "reason", "attempts")} | {"error": short}
