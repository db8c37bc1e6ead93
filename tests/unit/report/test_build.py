"""The report of whole simulated runs and of hand-made journals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubejobs.control.outcome import Outcome, OutcomeKind
from kubejobs.report.build import build_report
from kubejobs.report.journal_sums import JournalSums
from kubejobs.report.model import Report
from kubejobs.workqueue.types import Counts, QueueSnapshot, Signal
from support.control_fakes import FAIL, plan_of
from support.control_runs import Run, run
from support.virtual import EPOCH


def report_of(result: Run) -> Report:
    """The report as the operator makes it: by the queue's last snapshot."""
    counts = result.outcome.counts
    assert counts is not None
    snapshot = QueueSnapshot(
        time=result.outcome.ended_at,
        counts=counts,
        first_leased_at=result.queue.first_leased_at,
        last_acknowledged_at=result.queue.last_acknowledged_at,
        busy_seconds=result.queue.busy_seconds,
    )
    ended_at = result.outcome.ended_at
    return build_report(result.plan, result.queue.journal, snapshot, ended_at=ended_at, outcome=result.outcome)


def line(at: float, event: str = "tick", **fields: Any) -> dict[str, Any]:
    """A journal line with 2 ready, 1 pending and 1 terminating worker unless said otherwise."""
    replicas = {"desired": 3, "ready": 2, "pending": 1, "terminating": 1}
    return {
        "event": event,
        "at": EPOCH + at,
        "elapsed": at,
        "error": 0.0,
        "replicas": replicas,
        "decision": None,
    } | fields


def test_a_run_that_scaled_and_drained() -> None:
    """Every decision, the scalings, the cost and the deadline of a run that went well."""
    result = run([1.0] * 300, scaling={"trigger_down": 0.05})
    report = report_of(result)
    assert (report.outcome, report.success) == ("drained", True)
    assert report.items.done == report.items.total == 300
    assert len(report.decisions) == len([tick for tick in result.queue.events("tick") if tick["decision"]])
    assert report.cost.scale_ups + report.cost.scale_downs == len(result.cluster.patches)
    assert report.cost.busy_seconds == 300
    assert report.cost.replica_seconds == pytest.approx(300, rel=0.2)
    assert report.deadline.met == (report.execution_time <= 100)
    assert report.overhead.submission_to_first_lease_seconds == pytest.approx(7.0)
    assert 0 <= report.overhead.last_acknowledgement_to_end_seconds <= 5
    assert report.min_error[0] < 0
    assert report.min_error[0] <= report.final_error[0] <= report.max_error[0]


def test_keeps_the_keys_of_the_original() -> None:
    """A program that read the original's report finds its keys, with a value and a time where it had both."""
    data = report_of(run([1.0] * 20, scaling={"policy": "pid", "proportional_gain": 0.1})).to_dict()
    assert data["scaling_strategy"] == "pid"
    assert data["heuristic_options"] == {"proportional_gain": 0.1, "derivative_gain": 0.0, "integral_gain": 0.0}
    assert all(len(data[key]) == 2 for key in ("max_error", "min_error", "final_error"))
    assert data["final_replicas"] == 1
    assert data["execution_time"] == pytest.approx(22.0)


def test_a_late_run_says_by_how_much() -> None:
    """The deadline is missed by the seconds between the expected time and the last result."""
    report = report_of(run([1.0] * 30, expected_time=10.0, scaling={"max_replicas": 1}))
    assert not report.deadline.met
    assert report.deadline.late_seconds == pytest.approx(22.0)
    assert report.deadline.spare_seconds == pytest.approx(-22.0)


def test_failed_and_held_items_are_told_apart() -> None:
    """A stopped run tells what failed and what was not run, and has not met its deadline."""
    result = run([FAIL, *[10.0] * 9], at={15.0: lambda queue, _: setattr(queue, "signal", Signal.STOP)})
    report = report_of(result)
    assert report.outcome == "stopped"
    assert report.items.failed == 1
    assert report.items.held + report.items.done == 9
    assert not report.deadline.met


def test_a_run_that_never_started_has_a_report() -> None:
    """No journal, no queue: the report says so and counts every item as open."""
    report = build_report(plan_of(7), [], None, ended_at=EPOCH + 3)
    assert report.outcome == "never_started"
    assert report.items.open == 7
    assert report.max_error == (None, None)
    assert report.execution_time is None
    assert not report.deadline.met
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()


@pytest.mark.parametrize(
    ("journal", "outcome", "expected"),
    [
        ([line(1)], None, "unknown"),
        ([line(1), line(2, "end", outcome="stalled", success=False, message="no progress")], None, "stalled"),
        ([line(1)], Outcome(OutcomeKind.QUEUE_LOST, False, "gone", EPOCH, 0.0, Counts(done=1)), "queue_lost"),
        ([line(2, "end", outcome="too_many_failed", success=False, message="9 of 9")], None, "too_many_failed"),
    ],
    ids=["cut-off", "from-the-journal", "from-the-loop", "too-many-failed"],
)
def test_the_outcome_is_the_loops_else_the_journals(
    journal: list[dict[str, Any]], outcome: Outcome | None, expected: str
) -> None:
    """What the loop returned counts first, then the journal's last line."""
    assert build_report(plan_of(1), journal, None, ended_at=EPOCH + 9, outcome=outcome).outcome == expected


def test_replica_seconds_are_a_step_function_of_what_was_seen() -> None:
    """Each line's pods, those that terminate included, count until the next line that tells them, and to the end."""
    none = {"desired": 0, "ready": 0, "pending": 0, "terminating": 0}
    sums = JournalSums().add_all([line(0), line(10), line(15, replicas=None), line(20, replicas=none)])
    sums.close(EPOCH + 100)
    assert sums.replica_seconds == pytest.approx(4 * 20)
    assert (sums.max_replicas, sums.final_replicas) == (3, 3)


def test_an_error_of_exactly_zero_counts() -> None:
    """The largest, smallest and last error may be 0."""
    sums = JournalSums().add_all([line(1, error=-0.1), line(2, error=0.0)])
    assert sums.max_error is not None
    assert sums.final_error is not None
    assert (sums.max_error.value, sums.final_error.value) == (0.0, 0.0)


def test_the_course_counts_what_went_wrong() -> None:
    """Refused changes, recovered items, restarts, times out of sight, drains and lost workers are counted."""
    sums = JournalSums().add_all(
        [
            line(1, "actuation_failed", **{"from": 1, "to": 2}),
            line(2, "recovered", recovered=3),
            line(3, "resumed"),
            line(4, "restored", seconds=12.5),
            line(5, "scaled", **{"from": 1, "to": 2}),
            line(6, "scaled", **{"from": 2, "to": 1}),
            line(7, "draining", target=1, asked=1, drained=0),
            line(8, "draining", target=1, asked=0, drained=1),
            line(9, "drain_escalated", target=1),
            line(10, "workers_lost", lost=2, recovered=4, workers={"w": "OOMKilled"}),
        ]
    )
    assert (sums.failed_changes, sums.recovered_items, sums.restarts, sums.degraded_seconds) == (1, 3 + 4, 1, 12.5)
    assert (sums.drain_steps, sums.drain_escalations, sums.lost_workers) == (2, 1, 2)
    assert (sums.scale_ups, sums.scale_downs) == (1, 1)
