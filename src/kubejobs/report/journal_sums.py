"""One pass over a run's journal: what the report tells about its course.

Rule: one line at a time, in order; only the decisions are kept, as the report lists every one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubejobs.control.journal import Event


@dataclass(frozen=True, slots=True)
class ErrorAt:
    """An error (progress less elapsed share of the expected time; positive: ahead) and when it was seen, by epoch."""

    value: float
    at: float


class JournalSums:
    """Feed it every line, then read it. Attributes are None or 0 for a journal without a line that tells them."""

    def __init__(self) -> None:
        self.lines = 0
        self.max_error: ErrorAt | None = None
        self.min_error: ErrorAt | None = None
        self.final_error: ErrorAt | None = None
        self.final_replicas: int | None = None
        self.max_replicas = 0
        self.replica_seconds = 0.0
        self.scale_ups = 0
        self.scale_downs = 0
        self.failed_changes = 0
        self.recovered_items = 0
        self.restarts = 0
        self.degraded_seconds = 0.0
        self.drain_steps = 0
        self.drain_escalations = 0
        self.lost_workers = 0
        self.end: Mapping[str, Any] | None = None
        self.decisions: list[dict[str, Any]] = []
        self._pods = 0
        self._pods_since: float | None = None

    def add_all(self, journal: Iterable[Mapping[str, Any]]) -> JournalSums:
        """Every line of `journal`, in order; returns itself."""
        for line in journal:
            self.add(line)
        return self

    def add(self, line: Mapping[str, Any]) -> None:
        """The next line."""
        self.lines += 1
        self._add_replicas(line)
        self._add_error(line)
        self._add_decision(line)
        self._add_event(line)

    def close(self, ended_at: float) -> None:
        """The run ended: the pods last seen are counted up to then."""
        self._count_pods_until(ended_at)

    def _add_replicas(self, line: Mapping[str, Any]) -> None:
        self._count_pods_until(line["at"])
        replicas = line.get("replicas")
        if replicas is None:
            return
        active = replicas["ready"] + replicas["pending"]
        self._pods = active + replicas["terminating"]
        self.max_replicas = max(self.max_replicas, active)
        self.final_replicas = active or self.final_replicas

    def _count_pods_until(self, moment: float) -> None:
        """A step function: what was seen holds until the next line."""
        if self._pods_since is not None:
            self.replica_seconds += self._pods * max(moment - self._pods_since, 0.0)
        self._pods_since = moment

    def _add_error(self, line: Mapping[str, Any]) -> None:
        if line["event"] not in {Event.TICK, Event.END}:
            return
        error = ErrorAt(line["error"], line["at"])
        self.final_error = error
        if self.max_error is None or error.value > self.max_error.value:
            self.max_error = error
        if self.min_error is None or error.value < self.min_error.value:
            self.min_error = error

    def _add_decision(self, line: Mapping[str, Any]) -> None:
        decision, replicas = line.get("decision"), line.get("replicas") or {}
        if decision is None:
            return
        self.decisions.append(
            {
                "elapsed": line["elapsed"],
                "error": line["error"],
                "from": replicas.get("desired"),
                "to": decision["replicas"],
                "reason": decision["reason"],
                "message": decision["message"],
                "actuate": line.get("actuate", False),
            }
        )

    def _add_event(self, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case Event.SCALED:
                self.scale_ups += line["to"] > line["from"]
                self.scale_downs += line["to"] < line["from"]
            case Event.ACTUATION_FAILED:
                self.failed_changes += 1
            case Event.RECOVERED:
                self.recovered_items += line["recovered"]
            case Event.WORKERS_LOST:
                self.lost_workers += line["lost"]
                self.recovered_items += line["recovered"]
            case Event.DRAINING:
                self.drain_steps += 1
            case Event.DRAIN_ESCALATED:
                self.drain_escalations += 1
            case Event.RESUMED:
                self.restarts += 1
            case Event.RESTORED:
                self.degraded_seconds += line["seconds"]
            case Event.END:
                self.end = line
