"""The job report: frozen and JSON-compatible.

Rule: the keys that the original's report had keep their names and meaning (`scaling_strategy`, `heuristic_options`,
`max_error`, `min_error`, `final_error`, `final_replicas`, `execution_time`); times are UTC.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

ErrorAndTime = tuple[float | None, str | None]


@dataclass(frozen=True, slots=True)
class Items:
    """How the items ended; `open` were neither finished nor held."""

    total: int = 0
    done: int = 0
    failed: int = 0
    dead: int = 0
    held: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """`met`: every item had its result within the expected time; `late_seconds` is 0 when it was met.

    `spare_seconds` is the expected time less the execution time: negative when late.
    """

    expected_seconds: float
    met: bool
    late_seconds: float
    spare_seconds: float


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds that are not work: before the first item was leased, and after the last was acknowledged."""

    submission_to_first_lease_seconds: float | None
    last_acknowledgement_to_end_seconds: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """`replica_seconds`: pods that existed, times how long; each line of the journal holds until the next one."""

    replica_seconds: float
    max_replicas: int
    scale_ups: int
    scale_downs: int
    busy_seconds: float


@dataclass(frozen=True, slots=True)
class Course:
    """What happened on the way."""

    journal_lines: int
    failed_changes: int
    recovered_items: int
    restarts: int
    degraded_seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """One run's report.

    `execution_time` is in seconds, from the start of the run's clock to the last result (to the run's end where results
    are missing; None if it never started). `outcome` is the end's code, `never_started`, or `unknown` for an end that
    nobody saw.
    """

    run: str
    dag_id: str
    run_id: str
    outcome: str
    success: bool
    message: str
    scaling_strategy: str
    heuristic_options: dict[str, Any] | None
    max_error: ErrorAndTime
    min_error: ErrorAndTime
    final_error: ErrorAndTime
    final_replicas: int | None
    execution_time: float | None
    submitted_at: str
    started_at: str
    ended_at: str
    items: Items
    deadline: Deadline
    cost: Cost
    overhead: Overhead
    course: Course
    scaling: dict[str, Any]
    decisions: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The whole report, JSON-compatible."""
        data = asdict(self)
        for name in ("max_error", "min_error", "final_error", "decisions"):
            data[name] = list(data[name])
        return data

    def small_summary(self) -> dict[str, Any]:
        """The report without the list of decisions, at most about 4 KB: for XCom."""
        data = self.to_dict()
        data["decisions"] = len(data["decisions"])
        if len(data["message"]) > _LONGEST_MESSAGE:
            data["message"] = data["message"][:_LONGEST_MESSAGE] + " …"
        return data


_LONGEST_MESSAGE = 1000
