"""`kubejobs watch`: a run's progress on a live line, until it ends."""

from __future__ import annotations

import argparse
import sys

from kubejobs.cli.airflow_api import DAG_ID, AirflowApi
from kubejobs.cli.command import Command
from kubejobs.cli.connection import add_connection_options, connect
from kubejobs.cli.follow import follow
from kubejobs.cli.live_line import LiveLine


def watch_run(api: AirflowApi, run_id: str, dag_id: str = DAG_ID) -> int:
    """Follow the run on standard error; 0 if it succeeds."""
    line = LiveLine(sys.stderr)
    try:
        seen = follow(api, run_id, line.show, dag_id=dag_id)
    finally:
        line.end()
    print(f"{run_id}: {seen.state}")
    return 0 if seen.succeeded else 1


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN_ID", help="the run's id, as submit printed it")
    add_connection_options(parser)


def _watch(options: argparse.Namespace) -> int:
    with connect(options) as api:
        return watch_run(api, options.run_id)


COMMANDS = (Command("watch", "follow a run on a live line until it ends", _add_options, _watch),)
