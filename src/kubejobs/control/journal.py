"""The journal's lines: one JSON object each, about 500 bytes, in the order of `seq` without a gap.

Rule: pure. docs/control.md describes every event and field; a test keeps it complete.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Any

from kubejobs.control.look import Look, observation_of
from kubejobs.control.plan import Plan
from kubejobs.control.ports import JobStatus
from kubejobs.scaling.types import Decision


class Event(StrEnum):
    """What a line is about."""

    START = "start"
    RESUMED = "resumed"
    TICK = "tick"
    SCALED = "scaled"
    ACTUATION_FAILED = "actuation_failed"
    DRAINING = "draining"
    DRAIN_ESCALATED = "drain_escalated"
    RECOVERED = "recovered"
    WORKERS_LOST = "workers_lost"
    DEGRADED = "degraded"
    RESTORED = "restored"
    SIGNAL = "signal"
    DRAINED = "drained"
    WORKERS_RELEASED = "workers_released"
    END = "end"


_DIGITS = 6


def line_of(
    event: Event,
    look: Look,
    plan: Plan,
    desired: int | None,
    *,
    message: str = "",
    decision: Decision | None = None,
    **details: Any,
) -> dict[str, Any]:
    """One line, without its `seq`: `desired` workers are wanted; `details` are the event's own fields."""
    seen = observation_of(look.snapshot, look.job or JobStatus(parallelism=0), plan)
    line: dict[str, Any] = {
        "event": str(event),
        "at": round(look.snapshot.time, _DIGITS),
        "elapsed": round(seen.elapsed_seconds, _DIGITS),
        "counts": asdict(look.snapshot.counts),
        "replicas": None if look.job is None else _replicas(look.job, desired),
        "progress": round(seen.progress, _DIGITS),
        "reference": round(seen.reference, _DIGITS),
        "error": round(seen.error, _DIGITS),
        "decision": None if decision is None else asdict(decision) | {"reason": str(decision.reason)},
    }
    if message:
        line["message"] = message
    return line | details


def _replicas(job: JobStatus, desired: int | None) -> dict[str, int]:
    return {
        "desired": job.parallelism if desired is None else desired,
        "parallelism": job.parallelism,
        "ready": job.ready,
        "pending": job.pending,
        "terminating": job.terminating,
        "unschedulable": job.unschedulable,
        "succeeded": job.succeeded,
        "failed": job.failed,
    }
