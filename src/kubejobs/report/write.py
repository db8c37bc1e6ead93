"""Put a run's report where the submission or the settings say: any folder that fsspec can write.

Rule: streamed; what a worker returned is never held in memory as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import fsspec

from kubejobs.errors import ReportError
from kubejobs.report.model import Report
from kubejobs.report.render import render_json, render_text

REPORT_JSON = "report.json"
REPORT_TEXT = "report.txt"
FAILURES = "failures.jsonl"
RESULTS = "results.jsonl"

_CREDENTIALS = re.compile("//[^/@]*@")


def write_report(
    report: Report,
    url: str,
    *,
    failures: Iterable[Mapping[str, Any]] = (),
    results: Iterable[Mapping[str, Any]] = (),
) -> list[str]:
    """Write the report under `url`, over what an earlier try wrote; returns the files' URLs without credentials.

    A `url` that ends with `.json` is one file with the report alone. Any other is a folder, in which the run gets a
    folder of its own: report.json, report.txt, and, if there are any, failures.jsonl and results.jsonl. Raises
    ReportError when that can't be done.
    """
    if url.endswith(".json"):
        return [_write(url, [render_json(report)])]
    folder = f"{url.rstrip('/')}/{report.run}"
    written = [
        _write(f"{folder}/{REPORT_JSON}", [render_json(report)]),
        _write(f"{folder}/{REPORT_TEXT}", [render_text(report)]),
    ]
    for name, records in ((FAILURES, failures), (RESULTS, results)):
        lines = _json_lines(records)
        first = next(lines, None)
        if first is not None:
            written.append(_write(f"{folder}/{name}", _chain(first, lines)))
    return written


def _json_lines(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for record in records:
        yield json.dumps(record, ensure_ascii=False) + "\n"


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _write(url: str, parts: Iterable[str]) -> str:
    shown = _CREDENTIALS.sub("//", url)
    try:
        with fsspec.open(url, "w", encoding="utf-8") as file:
            for part in parts:
                file.write(part)
    except (OSError, ValueError, ImportError) as error:
        raise ReportError(
            f"the report can't be written to {shown!r} ({error or type(error).__name__}); "
            "check report_url, its rights, and that the fsspec package for its scheme is installed"
        ) from error
    return shown
