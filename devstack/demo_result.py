"""What the demo shows when its run has ended, and whether the run was what it should be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.layout import Layout
from kubejobs.cli.airflow_api import DAG_ID, AirflowApi
from kubejobs.naming import RunIdentity

_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The files of a run's report."""

    folder: Path

    @classmethod
    def of(cls, layout: Layout, run_id: str) -> ReportFiles:
        """Where the run's report is, whether it exists or not."""
        return cls(layout.reports / RunIdentity(DAG_ID, run_id).name)

    @property
    def text(self) -> Path:
        """The report for people."""
        return self.folder / "report.txt"

    def results(self) -> Iterator[dict[str, Any]]:
        """What the workers returned, item by item."""
        path = self.folder / "results.jsonl"
        if not path.exists():
            return
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                result = json.loads(line).get("result")
                yield json.loads(result) if isinstance(result, str) else result


def shortcomings(state: str, report: Mapping[str, Any] | None, items: int) -> list[str]:
    """Why the demo has failed; nothing if it has not. `items` is how many there were in the workload."""
    found = [] if state == "success" else [f"the run ended as {state}"]
    if report is None:
        return [*found, "there is no report"]
    counts, cost, deadline = report["items"], report["cost"], report["deadline"]
    if not counts["done"] == counts["total"] == items:
        found.append(
            f"{counts['done']} of {items} items are done ({counts['failed']} failed, {counts['dead']} given up)"
        )
    if cost["scale_ups"] < 1:
        found.append("it never scaled up")
    if cost["scale_downs"] < 1:
        found.append("it never scaled down")
    if not deadline["met"]:
        found.append(f"the deadline was missed by {deadline['late_seconds']:.1f} s")
    return found


def failed_task_logs(api: AirflowApi, run_id: str) -> str:
    """The last lines of each failed task's log."""
    parts = []
    for task in api.task_instances(run_id):
        if task.get("state") in {"failed", "up_for_retry"}:
            lines = api.task_log(run_id, task["task_id"], int(task.get("try_number") or 1))
            shown = "\n".join(f"    {line}" for line in lines[-_LOG_LINES:])
            parts.append(f"  task {task['task_id']}, the end of its log:\n{shown}")
    return "\n".join(parts)
