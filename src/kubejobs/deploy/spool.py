"""The workload on the worker's own disk, read whole before anything is made in the cluster.

So a workload that breaks in its last line costs no pod, and a queue that is filled again needs no second download.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from kubejobs.errors import WorkloadError


class Spool:
    """Items, one a line, in a temporary file; `count` of them."""

    def __init__(self, file: IO[str], count: int) -> None:
        self._file = file
        self.count = count

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        for line in self._file:
            yield line.removesuffix("\n")


@contextmanager
def spooled(items: Iterable[str]) -> Iterator[Spool]:
    """Write the items down, in flat memory; a WorkloadError if there are none or the disk is full."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", prefix="kubejobs-workload-") as file:
        yield Spool(file, _write(items, file))


def _write(items: Iterable[str], file: IO[str]) -> int:
    count = 0
    try:
        for item in items:
            file.write(f"{item}\n")
            count += 1
        file.flush()
    except OSError as error:
        raise WorkloadError(
            f"the workload could not be written to the Airflow worker's temporary folder after {count} items "
            f"({error.strerror}); free disk space there or set TMPDIR to a larger disk"
        ) from error
    if count == 0:
        raise WorkloadError("the workload holds no items; give at least one line")
    return count
