"""Put a run's report where the submission or the settings say: any folder that fsspec can write.

Rule: streamed; what workers returned and what failed is never held in memory as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import IO, Any

import fsspec

from kubejobs.errors import ReportError
from kubejobs.report.model import Report
from kubejobs.report.redrive_files import fits_line, kinds_of, redrive_file
from kubejobs.report.render import render_json, render_text

REPORT_JSON = "report.json"
REPORT_TEXT = "report.txt"
FAILURES = "failures.jsonl"
RESULTS = "results.jsonl"

_STORE_ERRORS = (OSError, ValueError, ImportError)
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
    folder of its own: report.json, report.txt, and, if there are any, results.jsonl, failures.jsonl and the items that
    failed as workloads (`redrive_files`). Raises ReportError when that can't be done.
    """
    if url.endswith(".json"):
        return [_write_one(url, render_json(report))]
    with _Folder(run_folder(url, report.run)) as folder:
        folder.write(REPORT_JSON, render_json(report))
        folder.write(REPORT_TEXT, render_text(report))
        _write_failures(folder, failures)
        for record in results:
            folder.write(RESULTS, _json_line(record))
        return folder.close_all()


def run_folder(url: str, run: str) -> str:
    """The folder of the run with the short name `run` within the reports' folder."""
    return f"{url.rstrip('/')}/{run}"


def shown(url: str) -> str:
    """The URL without credentials."""
    return _CREDENTIALS.sub("//", url)


def _write_one(url: str, text: str) -> str:
    try:
        with _open(url) as file:
            file.write(text)
    except _STORE_ERRORS as error:
        raise _unwritable(url, error) from error
    return shown(url)


class _Folder(ExitStack):
    """Files that are opened with the first that is written to them, so that none is empty."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._files: dict[str, IO[str]] = {}

    def write(self, name: str, text: str) -> None:
        """Append to a file."""
        try:
            if name not in self._files:
                self._files[name] = self.enter_context(_open(f"{self._url}/{name}"))
            self._files[name].write(text)
        except _STORE_ERRORS as error:
            raise _unwritable(self._url, error) from error

    def close_all(self) -> list[str]:
        """Finish the files; their URLs without credentials, in the order in which they were opened."""
        try:
            self.close()
        except _STORE_ERRORS as error:
            raise _unwritable(self._url, error) from error
        return [shown(f"{self._url}/{name}") for name in self._files]


def _write_failures(folder: _Folder, failures: Iterable[Mapping[str, Any]]) -> None:
    """In one pass: the records, and the items by kind as far as a workload's line can hold them."""
    for record in failures:
        folder.write(FAILURES, _json_line(record))
        if fits_line(record["item"]):
            for kind in kinds_of(record):
                folder.write(redrive_file(kind), record["item"] + "\n")


def _json_line(record: Mapping[str, Any]) -> str:
    """ASCII where the text is not Unicode, so that every item can be written."""
    line = json.dumps(record, ensure_ascii=False)
    return (line if _is_unicode(line) else json.dumps(record)) + "\n"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _open(url: str) -> Any:
    return fsspec.open(url, "w", encoding="utf-8", newline="\n")


def _unwritable(url: str, error: Exception) -> ReportError:
    return ReportError(
        f"the report can't be written to {shown(url)!r} ({error or type(error).__name__}); "
        "check report_url, its rights, and that the fsspec package for its scheme is installed"
    )
