"""`kubejobs submit` and `kubejobs validate`: check a submission, every problem at once; start its run."""

from __future__ import annotations

import argparse
import secrets
from datetime import UTC, datetime

from kubejobs.cli.command import Command
from kubejobs.cli.connection import add_connection_options, connect
from kubejobs.cli.submission_file import read_submission_file
from kubejobs.cli.watch import watch_run
from kubejobs.submission.parse import parse_submission


def new_run_id(now: datetime | None = None) -> str:
    """An id for a new run: the time in UTC and a random ending, such as `submit-20260102T030405-a1b2c3`."""
    moment = now or datetime.now(UTC)
    return f"submit-{moment:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="the submission in JSON (or YAML by its name); - is standard input"
    )


def _add_submit_options(parser: argparse.ArgumentParser) -> None:
    _add_file(parser)
    parser.add_argument("--run-id", help="id of the run; a new one by default")
    parser.add_argument("--watch", action="store_true", help="follow the run until it ends")
    add_connection_options(parser)


def _submit(options: argparse.Namespace) -> int:
    conf = read_submission_file(options.file)
    parse_submission(conf)
    with connect(options) as api:
        run_id = api.trigger(conf, options.run_id or new_run_id())
        print(run_id)
        return watch_run(api, run_id) if options.watch else 0


def _validate(options: argparse.Namespace) -> int:
    submission = parse_submission(read_submission_file(options.file))
    print(f"valid: {submission.image}, {submission.expected_time:g} s, policy {submission.scaling.policy}")
    return 0


COMMANDS = (
    Command("submit", "check a submission and start its run; prints the run's id", _add_submit_options, _submit),
    Command("validate", "check a submission without Airflow; every problem at once", _add_file, _validate),
)
