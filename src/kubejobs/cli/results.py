"""`kubejobs results` and `kubejobs failures`: download all of a run's, as JSON lines, in flat memory."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from kubejobs.cli.command import Command
from kubejobs.cli.connection import add_connection_options, connect
from kubejobs.cli.run_records import WHAT_TO_DO, RunRecords, add_run_options, find_records
from kubejobs.errors import ReportError
from kubejobs.report.read import read_chunks
from kubejobs.report.write import FAILURES, RESULTS


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument("--output", metavar="FILE", help="write there; by default to standard output")
    add_connection_options(parser)


def _find(options: argparse.Namespace) -> RunRecords:
    with connect(options) as api:
        return find_records(api, options.run_id, options.dag_id, options.report_url)


def _results(options: argparse.Namespace) -> int:
    url = _find(options).url(RESULTS)
    _save(options.output, read_chunks(url) if url else ())
    if url is None:
        _note(f"run {options.run_id!r} has no results: no worker returned one")
    return 0


def _failures(options: argparse.Namespace) -> int:
    found = _find(options)
    if found.folder is None and found.failed:
        return _listed_failures(found, options.output)
    url = found.url(FAILURES) if found.failed else None
    _save(options.output, read_chunks(url) if url else ())
    if url is None:
        _note(f"run {options.run_id!r} has no failures")
    return 0


def _listed_failures(found: RunRecords, output: str | None) -> int:
    """What the XCom has, without tracebacks; 1 unless that is all of them."""
    records = found.listed.get("records", [])
    _save(output, _json_lines(records))
    if found.all_listed:
        return 0
    _note(f"only the first {len(records)} of {found.failed} failures are in Airflow; for all, {WHAT_TO_DO}")
    return 1


def _json_lines(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for record in records:
        yield json.dumps(record).encode() + b"\n"


def _save(output: str | None, chunks: Iterable[bytes]) -> None:
    """Write to the file `output`, or to standard output."""
    with _target(output) as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()


@contextmanager
def _target(output: str | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        return
    try:
        with open(output, "wb") as file:  # noqa: PTH123 - a path of the user's, maybe a device
            yield file
    except OSError as error:
        raise ReportError(f"{output} can't be written: {error}; give another --output") from error


def _note(text: str) -> None:
    print(f"kubejobs: {text}", file=sys.stderr)


COMMANDS = (
    Command("results", "download all results of a run that has ended, as JSON lines", _add_options, _results),
    Command(
        "failures", "download all failed and dead items of a run that has ended, as JSON lines", _add_options, _failures
    ),
)
