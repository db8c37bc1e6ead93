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
from kubejobs.scaling.types import Decision, Observation


class Event(StrEnum):
    """What a line is about."""

    START = "start"
    RESUMED = "resumed"
    TICK = "tick"
    SCALED = "scaled"
    ACTUATION_FAILED = "actuation_failed"
    RECOVERED = "recovered"
    DEGRADED = "degraded"
    RESTORED = "restored"
    SIGNAL = "signal"
    DRAINED = "drained"
    WORKERS_RELEASED = "workers_released"
    END = "end"


_DIGITS = 6


def line_of(
    event: Event, look: Look, plan: Plan, *, message: str = "", decision: Decision | None = None, **details: Any
) -> dict[str, Any]:
    """One line, without its `seq`; `details` are the event's own fields."""
    seen = observation_of(look.snapshot, look.job or JobStatus(parallelism=0), plan)
    line: dict[str, Any] = {
        "event": str(event),
        "at": round(look.snapshot.time, _DIGITS),
        "elapsed": round(seen.elapsed_seconds, _DIGITS),
        "counts": asdict(look.snapshot.counts),
        "replicas": None if look.job is None else _replicas(seen),
        "progress": round(seen.progress, _DIGITS),
        "reference": round(seen.reference, _DIGITS),
        "error": round(seen.error, _DIGITS),
        "decision": None if decision is None else asdict(decision) | {"reason": str(decision.reason)},
    }
    if message:
        line["message"] = message
    return line | details


def _replicas(seen: Observation) -> dict[str, int]:
    return {
        "desired": seen.desired_replicas,
        "ready": seen.ready_replicas,
        "pending": seen.pending_replicas,
        "terminating": seen.terminating_replicas,
        "unschedulable": seen.unschedulable_pods,
        "succeeded": seen.succeeded_pods,
        "failed": seen.failed_pods,
    }
