"""`kubejobs report`: a finished run's report, for people or as JSON."""

from __future__ import annotations

import argparse
import json

from kubejobs.cli.airflow_api import DAG_ID, AirflowApi
from kubejobs.cli.command import Command
from kubejobs.cli.connection import add_connection_options, connect
from kubejobs.cli.report_text import report_lines
from kubejobs.errors import AirflowApiError


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN_ID", help="the run's id, as submit printed it")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    add_connection_options(parser)


def read_report(api: AirflowApi, run_id: str, dag_id: str = DAG_ID) -> dict[str, object]:
    """The XCom `report` of the run; AirflowApiError, with the run's state, where there is none."""
    report = api.xcom(run_id, "report", "report", dag_id)
    if isinstance(report, dict):
        return report
    state = api.run(run_id, dag_id).get("state")
    raise AirflowApiError(
        f"run {run_id!r} has no report: it is {state}; a report, with results and failures, is written when a run ends"
    )


def _report(options: argparse.Namespace) -> int:
    with connect(options) as api:
        report = read_report(api, options.run_id)
    print(json.dumps(report, indent=2) if options.json else "\n".join(report_lines(report)))
    return 0


COMMANDS = (Command("report", "show the report of a run that has ended", _add_options, _report),)
