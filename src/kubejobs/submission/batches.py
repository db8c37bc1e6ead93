"""Scheduled submissions: each YAML file of a folder becomes one DAG.

Rule: every file is checked when it is read, and a bad one never hides the others; its problems are returned by field.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from kubejobs.errors import Problem, SubmissionError
from kubejobs.submission.cron import cron_problem
from kubejobs.submission.defaults import Defaults
from kubejobs.submission.parse import parse_submission
from kubejobs.submission.paths import did_you_mean
from kubejobs.submission.plain import kind_of
from kubejobs.submission.yaml_loader import load_yaml

SUFFIXES = frozenset({".yaml", ".yml"})
_MOST_BYTES = 2_000_000
_INTERVAL = re.compile(r"([1-9][0-9]{0,6}) ?([smhdw])", flags=re.ASCII)
_LONGEST_INTERVAL = dt.timedelta(days=3660)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}", flags=re.ASCII)


@dataclass(frozen=True, slots=True)
class Batch:
    """One scheduled submission; `schedule` is a cron expression, a preset such as @daily, an interval or None.

    `submission` is the conf as it was written, already found valid; `start_date` carries the time zone.
    """

    name: str
    submission: Mapping[str, Any]
    schedule: str | dt.timedelta | None
    timezone: str
    start_date: dt.datetime
    description: str
    catchup: bool
    tags: tuple[str, ...]
    paused: bool


@dataclass(frozen=True, slots=True)
class BatchError:
    """A file that makes no DAG, and everything wrong with it."""

    file: FilePath
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(f"{self.file}: {problem}" for problem in self.problems)


def read_batches(folder: FilePath, defaults: Defaults | None = None) -> tuple[list[Batch], list[BatchError]]:
    """The batches of the YAML files in `folder`, by name, and the files that are none; no folder means no batches."""
    batches: list[Batch] = []
    errors: list[BatchError] = []
    files = sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES) if folder.is_dir() else []
    for file in files:
        try:
            batches.append(_read_batch(file, defaults))
        except SubmissionError as error:
            errors.append(BatchError(file, error.problems))
    return batches, errors


def _read_batch(file: FilePath, defaults: Defaults | None) -> Batch:
    """The batch of one file; SubmissionError with every problem of it."""
    fields = _load(file)
    problems = [
        Problem(str(key), f"is not a field of a batch; {did_you_mean(str(key), _READERS)}")
        for key in fields
        if key not in _READERS
    ]
    if not _NAME.fullmatch(file.stem):
        message = f"{file.name!r} gives the DAG its name: letters, digits, dashes, dots and underscores, at most 200"
        problems.append(Problem("file name", message))
    values: dict[str, Any] = {}
    for name, read in _READERS.items():
        try:
            values[name] = read(fields.get(name))
        except _NotAllowedError as error:
            problems.append(Problem(name, str(error)))
    problems += _submission_problems(fields.get("submission"), defaults)
    if problems:
        raise SubmissionError(problems)
    zone = ZoneInfo(values["timezone"])
    start = values.pop("start_date")
    return Batch(name=file.stem, start_date=start if start.tzinfo else start.replace(tzinfo=zone), **values)


def _load(file: FilePath) -> Mapping[Any, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise SubmissionError([Problem("file", f"is larger than {_MOST_BYTES:,} bytes; use a workload URL")])
        fields = load_yaml(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"can't be read ({type(error).__name__}); it must be a UTF-8 text file"
        raise SubmissionError([Problem("file", message)]) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SubmissionError([Problem("file", f"is no YAML: {_where(error)}")]) from error
    if not isinstance(fields, Mapping):
        raise SubmissionError([Problem("file", f"holds {kind_of(fields)}; it must hold fields such as submission: …")])
    return fields


def _where(error: Exception) -> str:
    """The problem and its place, without the line itself, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it can't be understood"
    return f"{problem}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(problem)


def _submission_problems(submission: Any, defaults: Defaults | None) -> list[Problem]:
    if submission is None:
        return []  # already reported as missing
    try:
        parse_submission(submission, defaults)
    except SubmissionError as error:
        prefix = "submission"
        return [Problem(p.field if p.field == prefix else f"{prefix}.{p.field}", p.message) for p in error.problems]
    return []


class _NotAllowedError(ValueError):
    """A field's value is not allowed; the text says what would be."""


def _schedule(value: Any) -> str | dt.timedelta | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _NotAllowedError(f'is {kind_of(value)}; it must be text such as "0 4 * * *", "@daily" or "30m", or null')
    interval = _INTERVAL.fullmatch(value.strip())
    if interval:
        length = dt.timedelta(**{_UNITS[interval[2]]: int(interval[1])})
        if length > _LONGEST_INTERVAL:
            raise _NotAllowedError(f"is too long an interval; the longest is {_LONGEST_INTERVAL.days} days")
        return length
    problem = cron_problem(value)
    if problem:
        raise _NotAllowedError(f'is neither an interval such as "30m" nor a cron expression: {problem}')
    return " ".join(value.split())


def _timezone(value: Any) -> str:
    if value is None:
        return "UTC"
    if not isinstance(value, str):
        raise _NotAllowedError(f"is {kind_of(value)}; it must be the name of a time zone such as Europe/Madrid")
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _NotAllowedError("is no time zone; give a name such as UTC or Europe/Madrid") from error


def _start_date(value: Any) -> dt.datetime:
    """A date or a time; without an offset it is in the batch's time zone."""
    if value is None:
        return dt.datetime(2024, 1, 1)  # noqa: DTZ001 - gets the batch's zone; without catchup any past date does
    try:
        return dt.datetime.fromisoformat(value) if isinstance(value, str) else _as_time(value)
    except ValueError as error:
        raise _NotAllowedError("is no date; give one such as 2026-01-31 or 2026-01-31T04:00") from error


def _as_time(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    raise ValueError


def _truth(default: bool) -> Callable[[Any], bool]:  # noqa: FBT001 - the default is the whole point
    def read(value: Any) -> bool:
        if value is not None and not isinstance(value, bool):
            raise _NotAllowedError(f"is {kind_of(value)}; it must be true or false")
        return default if value is None else value

    return read


def _description(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise _NotAllowedError(f"is {kind_of(value)}; it must be text")
    return value or ""


def _tags(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(tag, str) and 0 < len(tag) <= 100 for tag in value):  # noqa: PLR2004 - Airflow's own limit
        raise _NotAllowedError("does not fit; it must be a list of texts of at most 100 characters")
    return tuple(value)


def _submission(value: Any) -> Any:
    if value is None:
        raise _NotAllowedError("is missing; it must be a submission, in either shape")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "submission": _submission,
    "schedule": _schedule,
    "timezone": _timezone,
    "start_date": _start_date,
    "description": _description,
    "catchup": _truth(default=False),
    "tags": _tags,
    "paused": _truth(default=True),
}
