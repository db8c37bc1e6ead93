"""`kubejobs redrive`: run the items of a run that ended badly again, each once, in their order, as a new run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from kubejobs.cli.airflow_api import DAG_ID, AirflowApi
from kubejobs.cli.command import Command
from kubejobs.cli.connection import add_connection_options, connect
from kubejobs.cli.redrive_conf import parse_changes, redrive_conf
from kubejobs.cli.run_records import WHAT_TO_DO, RunRecords, add_run_options, find_records
from kubejobs.cli.watch import watch_run
from kubejobs.errors import AirflowApiError, ConfigurationError, ReportError
from kubejobs.report.redrive_files import ALL, DEAD, KINDS, fits_line, kinds_of, redrive_file
from kubejobs.submission.patterns import MAX_INLINE_ITEMS
from kubejobs.submission.plain import plain_problems


@dataclass(slots=True)
class Chosen:
    """The items of a kind: how many a workload can hold, how many not, and the first of them themselves."""

    fit: int = 0
    unfit: int = 0
    inline: list[str] = field(default_factory=list)

    def add(self, item: str) -> None:
        """The next one."""
        if not fits_line(item):
            self.unfit += 1
            return
        self.fit += 1
        if len(self.inline) < MAX_INLINE_ITEMS and "\r" not in item:
            self.inline.append(item)

    @property
    def all_inline(self) -> bool:
        """Whether the list has every item that can be run again."""
        return len(self.inline) == self.fit


def choose(failures: Iterable[Mapping[str, Any]], kind: str) -> Chosen:
    """The items of `kind` among the failure records, in flat memory."""
    chosen = Chosen()
    for record in failures:
        if kind in kinds_of(record):
            chosen.add(record["item"])
    return chosen


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument("--kind", choices=KINDS, default=DEAD, help=f"which items (default: {DEAD})")
    parser.add_argument("--run-id", dest="new_run_id", metavar="NEW", help="id of the new run")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the submission, such as image=worker:2 or resources.limits.memory=2Gi; repeatable",
    )
    parser.add_argument("--watch", action="store_true", help="follow the new run until it ends")
    add_connection_options(parser)


def _redrive(options: argparse.Namespace) -> int:
    changes = _changes(options)
    with connect(options) as api:
        found = find_records(api, options.run_id, options.dag_id, options.report_url)
        chosen = choose(found.failures(), options.kind)
        if not chosen.fit:
            raise ReportError(_nothing(options, chosen))
        new_id = options.new_run_id or _unused_id(api, options.run_id, options.kind, options.dag_id)
        conf = api.run(options.run_id, options.dag_id).get("conf") or {}
        note = f"{chosen.fit} {_words(options.kind)} items of the run {options.run_id}"
        new_conf = _new_conf(conf, found, chosen, options.kind, changes)
        run_id = api.trigger(new_conf, new_id, options.dag_id, note=note)
        _say(f"{note} run again as {run_id}")
        if chosen.unfit:
            _say(f"{chosen.unfit} more can't be written as a line of a workload and were left out")
        print(run_id)
        return watch_run(api, run_id, options.dag_id) if options.watch else 0


def _new_conf(
    conf: Mapping[str, Any], found: RunRecords, chosen: Chosen, kind: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """With the items inline where Airflow takes them so, else with the report's file of them as the workload."""
    if chosen.all_inline:
        inline = redrive_conf(conf, {"items": chosen.inline}, changes)
        if not plain_problems(inline):
            return inline
    return redrive_conf(conf, {"url": _file_url(found, kind)}, changes)


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    changes = parse_changes(options.changes)
    inner = next((name for name in changes if "." in name), None)
    if inner is not None and options.dag_id != DAG_ID:
        raise ConfigurationError(
            f"{inner!r} can't be changed: a section in a run's conf replaces that of the batch file; give the whole "
            f"section, such as --set '{inner.partition('.')[0]}={{…}}'"
        )
    return changes


def _file_url(found: RunRecords, kind: str) -> str:
    name = redrive_file(kind)
    try:
        url = found.url(name)
    except ReportError as error:
        raise ReportError(f"the items are too many or too long to be submitted without a file; {WHAT_TO_DO}") from error
    if url is None:
        raise ReportError(
            f"the report of run {found.run_id!r} has no {name}; write the items of its failures.jsonl into a file, one "
            "a line, and submit it as a workload"
        )
    return url


def _unused_id(api: AirflowApi, run_id: str, kind: str, dag_id: str) -> str:
    """The new run's id follows from the old one's, so that the same items are not run again twice by mistake."""
    for other in KINDS:
        taken = f"{run_id}.redrive-{other}"
        if (other == kind or ALL in {other, kind}) and _exists(api, taken, dag_id):
            raise AirflowApiError(
                f"{_words(other)} items of run {run_id!r} were run again before, as {taken!r}; if that is to be "
                "repeated, give the new run an id by --run-id"
            )
    return f"{run_id}.redrive-{kind}"


def _exists(api: AirflowApi, run_id: str, dag_id: str) -> bool:
    try:
        api.run(run_id, dag_id)
    except AirflowApiError as error:
        if error.status == httpx.codes.NOT_FOUND:
            return False
        raise
    return True


def _nothing(options: argparse.Namespace, chosen: Chosen) -> str:
    if chosen.unfit:
        return f"none of the {chosen.unfit} items can be written as a line of a workload, so none can be run again"
    other = "" if options.kind == ALL else f"; --kind {ALL} takes every item that ended badly"
    return f"run {options.run_id!r} has no {_words(options.kind)} items{other}"


def _words(kind: str) -> str:
    return "dead or failed" if kind == ALL else kind


def _say(text: str) -> None:
    print(f"kubejobs: {text}", file=sys.stderr)


COMMANDS = (Command("redrive", "run the dead or failed items of a run again, as a new run", _add_options, _redrive),)
