"""Where a run's results and failures are: in the folder of its report, or, if these are few, in the XCom `failures`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kubejobs.cli.airflow_api import DAG_ID, AirflowApi
from kubejobs.cli.report import read_report
from kubejobs.errors import ReportError
from kubejobs.report.read import read_json_lines
from kubejobs.report.write import FAILURES, REPORT_TEXT, run_folder

WHAT_TO_DO = (
    "set report_url, in the submission or for the deployment (KUBEJOBS_REPORT_URL), to a folder that both Airflow and "
    "this machine can reach, before a run is submitted"
)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the run's id, --dag-id and --report-url."""
    parser.add_argument("run_id", metavar="RUN_ID", help="the id of a run that has ended")
    parser.add_argument("--dag-id", default=DAG_ID, help=f"the run's DAG (default: {DAG_ID})")
    parser.add_argument(
        "--report-url",
        metavar="URL",
        help="the reports' folder as it is seen from here (any fsspec URL); by default as the run's report names it",
    )


@dataclass(frozen=True, slots=True)
class RunRecords:
    """What is kept of a run that has ended.

    `folder` is None where its report is in Airflow alone, `files` are the names in the folder. `listed` is the XCom
    `failures`: `complete`, `count` and `records`. `failed` is how many items ended badly.
    """

    run_id: str
    folder: str | None
    files: frozenset[str]
    failed: int
    listed: dict[str, Any] = field(default_factory=dict)

    def url(self, name: str) -> str | None:
        """The URL of a file of the folder; None if the run had nothing to write into it. ReportError: no folder."""
        if self.folder is None:
            raise ReportError(
                f"the report of run {self.run_id!r} was not written to a folder, so it has no {name}; {WHAT_TO_DO}"
            )
        return f"{self.folder}/{name}" if name in self.files else None

    @property
    def all_listed(self) -> bool:
        """Whether the XCom has every failure, without tracebacks."""
        return bool(self.listed.get("complete"))

    def failures(self) -> Iterator[dict[str, Any]]:
        """Every item that ended badly, in the order of their ends; ReportError if they can't be read."""
        if self.all_listed:
            yield from self.listed["records"]
        elif self.failed and (url := self.url(FAILURES)):
            yield from read_json_lines(url)


def find_records(api: AirflowApi, run_id: str, dag_id: str, report_url: str | None) -> RunRecords:
    """Where a run's records are; AirflowApiError for a run without a report, with what to do."""
    report = read_report(api, run_id, dag_id)
    items, files = report.get("items"), _texts(report.get("files"))
    listed = api.xcom(run_id, "report", "failures", dag_id)
    failed = sum(items.get(name, 0) for name in ("failed", "dead")) if isinstance(items, dict) else 0
    return RunRecords(
        run_id=run_id,
        folder=_folder(files, report_url, str(report.get("run"))),
        files=frozenset(url.rpartition("/")[2] for url in files),
        failed=failed,
        listed=listed if isinstance(listed, dict) else {},
    )


def _texts(value: object) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, Iterable) else []


def _folder(files: list[str], report_url: str | None, run: str) -> str | None:
    """A report that is one `.json` file has no folder; in a folder there is always the text."""
    text = next((url for url in files if url.endswith(f"/{REPORT_TEXT}")), None)
    if text is None:
        return None
    return run_folder(report_url, run) if report_url else text.removesuffix(f"/{REPORT_TEXT}")
