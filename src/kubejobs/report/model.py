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
    """What happened on the way.

    `drain_steps`: how often workers were asked to drain, or those that had were removed; `drain_escalations`: how often
    that took too long, so that busy ones were removed.
    """

    journal_lines: int
    failed_changes: int
    recovered_items: int
    restarts: int
    degraded_seconds: float
    drain_steps: int = 0
    drain_escalations: int = 0
    lost_workers: int = 0


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers that crashed, were killed or vanished: how many by reason, most frequent first.

    `items_given_back` counts what they held at their end; what a worker gave back by itself is not in it.
    """

    exits: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    items_given_back: int = 0


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the items took with their workers, in seconds, each within 4.8 %; None where nothing is known.

    Nothing is known of workers of the open contract.
    """

    count: int = 0
    mean_seconds: float | None = None
    p50_seconds: float | None = None
    p90_seconds: float | None = None
    p99_seconds: float | None = None
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """`verified`: what was counted as it happened agrees with what is there; None if the queue could not be asked."""

    verified: bool | None = None
    discrepancies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrequentError:
    """Failed and dead items with the same type of error: how many, and the message of the first of them."""

    type: str
    count: int
    message: str


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
    workers: Workers
    durations: Durations
    ledger: Ledger
    frequent_errors: tuple[FrequentError, ...]
    scaling: dict[str, Any]
    decisions: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The whole report, JSON-compatible."""
        data = asdict(self)
        for name in ("max_error", "min_error", "final_error", "frequent_errors", "decisions"):
            data[name] = list(data[name])
        data["ledger"]["discrepancies"] = list(self.ledger.discrepancies)
        return data

    def small_summary(self) -> dict[str, Any]:
        """The report without the list of decisions, at most about 8 KB: for XCom."""
        data = self.to_dict()
        data["decisions"] = len(data["decisions"])
        data["frequent_errors"] = data["frequent_errors"][:_MOST_ERRORS]
        data["message"] = shortened(data["message"], _LONGEST_MESSAGE)
        return data


_LONGEST_MESSAGE = 1000
_MOST_ERRORS = 5


def shortened(text: str, longest: int) -> str:
    """The text, cut to `longest` characters with a mark where it was cut."""
    return text if len(text) <= longest else text[:longest] + " …"
