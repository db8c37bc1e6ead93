"""The workload on the worker's own disk, read whole before anything is made in the cluster.

So a workload that breaks in its last line costs no pod, and a queue that is filled again needs no second download.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from kubejobs.errors import WorkloadError
from kubejobs.submission.workload_priorities import Entry, parse_prioritized


class Spool:
    """Items, one a line, in a temporary file; `count` of them. Each line begins with its priority if `prioritized`."""

    def __init__(self, file: IO[str], count: int, *, prioritized: bool) -> None:
        self._file = file
        self.count = count
        self._prioritized = prioritized

    def __iter__(self) -> Iterator[Entry]:
        self._file.seek(0)
        lines = (line.removesuffix("\n") for line in self._file)
        return (parse_prioritized(line) or line for line in lines) if self._prioritized else lines


@contextmanager
def spooled(items: Iterable[Entry]) -> Iterator[Spool]:
    """Write the items down, in flat memory; all of them are texts, or all have a priority.

    Raises a WorkloadError if there are none or the disk is full.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", prefix="kubejobs-workload-") as file:
        count, prioritized = _write(items, file)
        yield Spool(file, count, prioritized=prioritized)


def _write(items: Iterable[Entry], file: IO[str]) -> tuple[int, bool]:
    """How many items there are, and whether they have priorities."""
    count, prioritized = 0, False
    try:
        for item in items:
            if isinstance(item, str):
                file.write(f"{item}\n")
            else:
                prioritized = True
                file.write(f"{item[0]}\t{item[1]}\n")
            count += 1
        file.flush()
    except OSError as error:
        raise WorkloadError(
            f"the workload could not be written to the Airflow worker's temporary folder after {count} items "
            f"({error.strerror}); free disk space there or set TMPDIR to a larger disk"
        ) from error
    if count == 0:
        raise WorkloadError("the workload holds no items; give at least one line")
    return count, prioritized
