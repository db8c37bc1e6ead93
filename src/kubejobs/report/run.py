"""The report of one run, read from its queue and written to where it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubejobs.control.plan import Plan
from kubejobs.errors import QueueLostError
from kubejobs.report.build import build_report
from kubejobs.report.model import Ledger, Report
from kubejobs.report.queue_sums import FailureSums, ledger_of, workers_of
from kubejobs.report.write import write_report
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueSnapshot

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """A report, the URLs of its files (without credentials), and a small list of the failures; None without any."""

    report: Report
    files: list[str]
    failures: dict[str, Any] | None = None


def report_run(queue: WorkQueue, url: str | None, log: Log) -> ReportedRun:
    """Report the run, in files if there is a `url`; QueueLostError if the queue holds no plan."""
    text = queue.read_plan()
    if text is None:
        raise QueueLostError("the queue holds no plan of this run, so there is nothing to report")
    snapshot = queue.snapshot()
    failures = FailureSums().add_all(queue.iter_failures())
    report = build_report(
        Plan.from_json(text),
        queue.iter_journal(),
        snapshot,
        ended_at=snapshot.time,
        workers=workers_of(queue.iter_exits()),
        ledger=_ledger(queue, snapshot),
        frequent_errors=failures.frequent_errors(),
    )
    files: list[str] = []
    if url:
        files = write_report(report, url, failures=queue.iter_failures(), results=queue.iter_results())
        log("written: " + ", ".join(files))
    return ReportedRun(report, files, failures.small_list())


def _ledger(queue: WorkQueue, snapshot: QueueSnapshot) -> Ledger:
    """Workers of the open contract report nothing that could be counted again; durations tell the library's."""
    return ledger_of(queue.verify(open_contract=not snapshot.durations.count))
