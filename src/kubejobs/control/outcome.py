"""How a run ended, and the one rule that says whether it succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from kubejobs.submission.model import Limits
from kubejobs.workqueue.types import Counts


class OutcomeKind(StrEnum):
    """Every way in which a run can end; the values are stable codes."""

    DRAINED = "drained"
    STOPPED = "stopped"
    TERMINATED = "terminated"
    INCOMPLETE = "incomplete"
    JOB_FAILED = "job_failed"
    JOB_DELETED = "job_deleted"
    JOB_MISSING = "job_missing"
    QUEUE_LOST = "queue_lost"
    STALLED = "stalled"
    UNREADABLE = "unreadable"
    TOO_MANY_FAILED = "too_many_failed"


_ORDERLY = frozenset({OutcomeKind.DRAINED, OutcomeKind.STOPPED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run; `counts` is None if the queue was never seen, `ended_at` is by the queue server's clock."""

    kind: OutcomeKind
    success: bool
    message: str
    ended_at: float
    elapsed_seconds: float
    counts: Counts | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-compatible values only."""
        return asdict(self) | {"kind": str(self.kind)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """The outcome that `to_dict` wrote."""
        counts = data.get("counts")
        return cls(
            kind=OutcomeKind(data["kind"]),
            success=data["success"],
            message=data["message"],
            ended_at=data["ended_at"],
            elapsed_seconds=data["elapsed_seconds"],
            counts=None if counts is None else Counts(**counts),
        )


def succeeded(kind: OutcomeKind, counts: Counts | None, limits: Limits) -> bool:
    """A run succeeds when it drained or was stopped in good order and no more items failed than its limits allow."""
    return kind in _ORDERLY and counts is not None and too_many_failed(counts, limits) is None


def too_many_failed(counts: Counts, limits: Limits) -> str | None:
    """Which limit the failed and dead items exceed, in words; without a limit none may fail."""
    failed = counts.failed + counts.dead
    if limits.max_failed_items is not None and failed > limits.max_failed_items:
        return f"limits.max_failed_items allows {limits.max_failed_items}"
    if limits.max_failed_ratio is not None and failed > limits.max_failed_ratio * counts.total:
        return f"limits.max_failed_ratio allows {limits.max_failed_ratio:g} of {counts.total}"
    if limits.max_failed_items is None and limits.max_failed_ratio is None and failed:
        return "without limits none may fail"
    return None
