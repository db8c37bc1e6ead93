"""Plan, journal and ledger → the report.

Rule: pure, in one pass over the journal; a run that never started has a report too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from kubejobs.control.outcome import Outcome
from kubejobs.control.plan import Plan
from kubejobs.report.journal_sums import ErrorAt, JournalSums
from kubejobs.report.model import (
    Cost,
    Course,
    Deadline,
    ErrorAndTime,
    FrequentError,
    Items,
    Ledger,
    Overhead,
    Report,
    Workers,
)
from kubejobs.report.queue_sums import durations_of
from kubejobs.submission.model import Scaling
from kubejobs.workqueue.types import QueueSnapshot

NEVER_STARTED = "never_started"
UNKNOWN = "unknown"


def build_report(
    plan: Plan,
    journal: Iterable[Mapping[str, Any]],
    snapshot: QueueSnapshot | None,
    *,
    ended_at: float,
    outcome: Outcome | None = None,
    workers: Workers | None = None,
    ledger: Ledger | None = None,
    frequent_errors: tuple[FrequentError, ...] = (),
) -> Report:
    """The report of a run that ended at `ended_at`, in seconds since the epoch by the queue server's clock.

    `journal` are the control loop's lines, oldest first. `snapshot` is the queue as it is now, None if it is lost.
    `outcome` is what the control loop returned; None to take it from the journal's last line. `workers`, `ledger` and
    `frequent_errors` are the report's sections of that name; None or empty where the queue could not be asked.
    """
    sums = JournalSums().add_all(journal)
    sums.close(ended_at)
    items = _items(plan, snapshot, outcome)
    last_result_at = snapshot.last_acknowledged_at if snapshot else None
    execution = _execution_seconds(plan, items, last_result_at, ended_at)
    code, success, message = _outcome(outcome, sums)
    scaling = plan.submission.scaling
    return Report(
        run=plan.identity.name,
        dag_id=plan.identity.dag_id,
        run_id=plan.identity.run_id,
        outcome=code,
        success=success,
        message=message,
        scaling_strategy=scaling.policy,
        heuristic_options=_heuristic_options(scaling),
        max_error=_error_and_time(sums.max_error),
        min_error=_error_and_time(sums.min_error),
        final_error=_error_and_time(sums.final_error),
        final_replicas=sums.final_replicas,
        execution_time=None if code == NEVER_STARTED else execution,
        submitted_at=_utc(plan.submitted_at),
        started_at=_utc(plan.started_at),
        ended_at=_utc(ended_at),
        items=items,
        deadline=_deadline(plan, items, execution),
        cost=Cost(
            replica_seconds=round(sums.replica_seconds, 3),
            max_replicas=sums.max_replicas,
            scale_ups=sums.scale_ups,
            scale_downs=sums.scale_downs,
            busy_seconds=round(snapshot.busy_seconds, 3) if snapshot else 0.0,
        ),
        overhead=_overhead(plan, snapshot, ended_at),
        course=Course(
            journal_lines=sums.lines,
            failed_changes=sums.failed_changes,
            recovered_items=sums.recovered_items,
            restarts=sums.restarts,
            degraded_seconds=round(sums.degraded_seconds, 3),
            drain_steps=sums.drain_steps,
            drain_escalations=sums.drain_escalations,
            lost_workers=sums.lost_workers,
        ),
        workers=workers or Workers(),
        durations=durations_of(snapshot),
        ledger=ledger or Ledger(),
        frequent_errors=frequent_errors,
        scaling=scaling.model_dump(mode="json"),
        decisions=tuple(sums.decisions),
    )


def _items(plan: Plan, snapshot: QueueSnapshot | None, outcome: Outcome | None) -> Items:
    """By the queue where it still is, else as control saw it last, else as the plan has it."""
    counts = snapshot.counts if snapshot else outcome.counts if outcome else None
    if counts is None:
        return Items(total=plan.total, open=plan.total)
    return Items(counts.total, counts.done, counts.failed, counts.dead, counts.held, counts.open)


def _execution_seconds(plan: Plan, items: Items, last_result_at: float | None, ended_at: float) -> float:
    """To the last result where every item has one, to the run's end otherwise."""
    finished = items.open == 0 and items.held == 0 and last_result_at is not None
    end = last_result_at if finished and last_result_at is not None else ended_at
    return round(max(end - plan.started_at, 0.0), 3)


def _deadline(plan: Plan, items: Items, execution_seconds: float) -> Deadline:
    spare = round(plan.submission.expected_time - execution_seconds, 3)
    all_finished = items.open == 0 and items.held == 0
    return Deadline(plan.submission.expected_time, all_finished and spare >= 0, max(-spare, 0.0), spare)


def _overhead(plan: Plan, snapshot: QueueSnapshot | None, ended_at: float) -> Overhead:
    """The submission's time is by Airflow's clock, the first lease's by the queue server's: see the docs."""
    first = snapshot.first_leased_at if snapshot else None
    last = snapshot.last_acknowledged_at if snapshot else None
    return Overhead(
        None if first is None else round(max(first - plan.submitted_at, 0.0), 3),
        None if last is None else round(max(ended_at - last, 0.0), 3),
    )


def _outcome(outcome: Outcome | None, sums: JournalSums) -> tuple[str, bool, str]:
    if outcome is not None:
        return str(outcome.kind), outcome.success, outcome.message
    if sums.end is not None:
        return sums.end["outcome"], sums.end["success"], sums.end["message"]
    if sums.lines:
        return UNKNOWN, False, "control ended before the run did; look at the log of the task control"
    return NEVER_STARTED, False, "the run was never controlled; look at the logs of the tasks deploy and control"


def _heuristic_options(scaling: Scaling) -> dict[str, Any] | None:
    """As in the original: the gains of a pid run, nothing for the others."""
    if scaling.policy != "pid":
        return None
    return {
        "proportional_gain": scaling.proportional_gain,
        "derivative_gain": scaling.derivative_gain,
        "integral_gain": scaling.integral_gain,
    }


def _error_and_time(error: ErrorAt | None) -> ErrorAndTime:
    return (None, None) if error is None else (error.value, _utc(error.at))


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
