"""Read a run's files from where its report was written. Rule: streamed; only one line or chunk is in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import fsspec

from kubejobs.errors import ReportError
from kubejobs.report.write import shown

_CHUNK_BYTES = 1_048_576


def read_chunks(url: str) -> Iterator[bytes]:
    """The file's content; ReportError if it can't be read."""
    try:
        with fsspec.open(url, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except (OSError, ValueError, ImportError) as error:
        raise _unreadable(url, error) from error


def read_json_lines(url: str) -> Iterator[dict[str, Any]]:
    """The records of a file of JSON lines; ReportError if it can't be read or is something else."""
    try:
        with fsspec.open(url, "r", encoding="utf-8", newline="\n") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, ValueError, ImportError) as error:
        raise _unreadable(url, error) from error


def _unreadable(url: str, error: Exception) -> ReportError:
    return ReportError(
        f"{shown(url)!r} can't be read ({error or type(error).__name__}); if it is a folder of Airflow's machine, or "
        "needs other credentials or another path from here, name the reports' folder by --report-url"
    )
