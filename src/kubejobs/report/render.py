"""The report as text for people and as JSON for programs.

Rule: pure; a rendering shows what the report says and computes nothing of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubejobs.report.model import Durations, ErrorAndTime, Ledger, Report, Workers

_LABEL_WIDTH = 22


def render_json(report: Report) -> str:
    """The whole report as one indented JSON object."""
    return json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def render_text(report: Report) -> str:
    """The summary as aligned lines, then one line a decision that changed the number of workers."""
    lines = [f"Report of {report.run} ({report.dag_id} {report.run_id})", ""]
    lines += [f"{label:<{_LABEL_WIDTH}}{value}" for label, value in _fields(report)]
    changes = [decision for decision in report.decisions if decision["from"] not in {None, decision["to"]}]
    lines += ["", f"Decisions: {len(report.decisions)}, of which {len(changes)} asked for another number of workers"]
    lines += [_change(change) for change in changes]
    return "\n".join(lines) + "\n"


def _fields(report: Report) -> Iterator[tuple[str, str]]:
    items, cost, overhead = report.items, report.cost, report.overhead
    yield "Outcome", f"{report.outcome} ({'success' if report.success else 'failure'}): {report.message}"
    unfinished = f"{items.held} held, {items.open} open"
    yield "Items", f"{items.done} of {items.total} done, {items.failed} failed, {items.dead} dead, {unfinished}"
    for error in report.frequent_errors:
        yield "Frequent error", f"{error.count} of type {error.type}" + (f": {error.message}" if error.message else "")
    yield "Ledger", _ledger(report.ledger)
    yield "Execution time", _seconds(report.execution_time)
    yield "Deadline", _deadline(report)
    yield "Scaling strategy", report.scaling_strategy
    yield "Heuristic options", str(report.heuristic_options or "-")
    yield "Max error", _error(report.max_error)
    yield "Min error", _error(report.min_error)
    yield "Final error", _error(report.final_error)
    yield "Final replicas", _or_dash(report.final_replicas)
    yield "Most replicas", str(cost.max_replicas)
    yield "Replica-seconds", f"{cost.replica_seconds:.1f} (busy {cost.busy_seconds:.1f})"
    yield "Scaled", f"{cost.scale_ups} times up, {cost.scale_downs} times down, {report.course.failed_changes} refused"
    if report.course.drain_steps:
        yield "Drained", f"in {report.course.drain_steps} steps, {report.course.drain_escalations} escalated"
    yield "Durations", _durations(report.durations)
    yield "Lost workers", _workers(report.workers)
    yield "To the first lease", f"{_seconds(overhead.submission_to_first_lease_seconds)} from the submission"
    yield "To the end", f"{_seconds(overhead.last_acknowledgement_to_end_seconds)} from the last acknowledgement"
    yield "Recovered items", str(report.course.recovered_items)
    yield "Control restarts", str(report.course.restarts)
    yield "Submitted", report.submitted_at
    yield "Started", report.started_at
    yield "Ended", report.ended_at


def _change(decision: Mapping[str, Any]) -> str:
    replicas = f"{decision['from']:>4} → {decision['to']:<4}"
    return f"  {decision['elapsed']:>10.1f} s  {replicas}  {decision['reason']}: {decision['message']}"


def _deadline(report: Report) -> str:
    deadline = report.deadline
    if deadline.met:
        return f"met: {deadline.expected_seconds:g} s expected, {deadline.spare_seconds:.1f} s to spare"
    if deadline.late_seconds:
        return f"missed by {deadline.late_seconds:.1f} s: {deadline.expected_seconds:g} s expected"
    return f"missed: the run ended before all items were done ({deadline.expected_seconds:g} s expected)"


def _ledger(ledger: Ledger) -> str:
    if ledger.verified is None:
        return "not verified: the queue could not be asked"
    return "verified: all sums agree" if ledger.verified else "WRONG: " + "; ".join(ledger.discrepancies)


def _durations(durations: Durations) -> str:
    if not durations.count:
        return "-"
    shares = ("mean", "p50", "p90", "p99", "max")
    parts = (f"{share} {getattr(durations, f'{share}_seconds'):.3g} s" for share in shares)
    return f"{', '.join(parts)} of {durations.count} items"


def _workers(workers: Workers) -> str:
    if not workers.exits:
        return "0"
    reasons = ", ".join(f"{reason} {count}" for reason, count in workers.reasons.items())
    return f"{workers.exits} ({reasons}); {workers.items_given_back} items were taken back from them"


def _error(error: ErrorAndTime) -> str:
    value, time = error
    return "-" if value is None else f"{value:+.4f} at {time}"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
