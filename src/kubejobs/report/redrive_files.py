"""The files of items that ended badly, in the form of a workload: one item a line.

A new run takes such a file as its workload and so runs these items again, each as often as it failed, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kubejobs.submission.workload_policy import WorkloadPolicy

ALL: Final = "all"
DEAD: Final = "dead"
FAILED: Final = "failed"
KINDS: Final = (DEAD, FAILED, ALL)
"""Which items: given up after their attempts, failed for good, or both."""

_BYTE_ORDER_MARK = "\ufeff"
_LONGEST_LINE_BYTES = WorkloadPolicy().max_line_bytes


def redrive_file(kind: str) -> str:
    """The name of the file with the items of a kind."""
    return f"redrive-{kind}.txt"


def kinds_of(record: Mapping[str, object]) -> tuple[str, str]:
    """The kinds that a failure record belongs to."""
    return str(record["kind"]), ALL


def fits_line(item: str) -> bool:
    """Whether the item is the same after it was written as a line of a workload and read again."""
    return (
        bool(item.strip())
        and not item.endswith("\r")
        and not item.startswith(_BYTE_ORDER_MARK)
        and "\n" not in item
        and "\x00" not in item
        and _is_text(item)
    )


def _is_text(item: str) -> bool:
    """UTF-8, and no longer than a line may be."""
    try:
        return len(item.encode()) <= _LONGEST_LINE_BYTES
    except UnicodeEncodeError:
        return False
