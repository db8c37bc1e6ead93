"""The report of one run, read from its queue and written to where it is wanted."""

from __future__ import annotations

from collections.abc import Callable

from kubejobs.control.plan import Plan
from kubejobs.errors import QueueLostError
from kubejobs.report.build import build_report
from kubejobs.report.model import Report
from kubejobs.report.write import write_report
from kubejobs.workqueue.client import WorkQueue

Log = Callable[[str], None]


def report_run(queue: WorkQueue, url: str | None, log: Log) -> tuple[Report, list[str]]:
    """The report and the URLs of its files (none without `url`); QueueLostError if the queue holds no plan."""
    text = queue.read_plan()
    if text is None:
        raise QueueLostError("the queue holds no plan of this run, so there is nothing to report")
    snapshot = queue.snapshot()
    report = build_report(Plan.from_json(text), queue.iter_journal(), snapshot, ended_at=snapshot.time)
    if not url:
        return report, []
    files = write_report(report, url, failures=queue.iter_failures(), results=queue.iter_results())
    log("written: " + ", ".join(files))
    return report, files
