"""The items of a submission, streamed from wherever its workload is, within the deployment's policy.

Rule: one item in memory at a time; the first item is read before anything is returned, so that a workload that is
missing, refused, empty or an error page fails at once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from kubejobs.clock import Clock, SystemClock
from kubejobs.errors import WorkloadError
from kubejobs.submission.field_types import PrioritizedItem
from kubejobs.submission.model import Workload
from kubejobs.submission.workload_files import read_fsspec, read_local
from kubejobs.submission.workload_http import Resolve, read_http, resolve_host
from kubejobs.submission.workload_lines import read_lines, read_numbered_lines
from kubejobs.submission.workload_policy import (
    HTTP_SCHEMES,
    LOCAL_SCHEMES,
    WorkloadPolicy,
    check_source,
    shown_url,
)
from kubejobs.submission.workload_priorities import Entry, parse_prioritized, read_prioritized

__all__ = ["Entry", "WorkloadPolicy", "check_source", "open_workload"]


def open_workload(
    workload: Workload,
    policy: WorkloadPolicy,
    *,
    clock: Clock | None = None,
    resolve: Resolve = resolve_host,
) -> Generator[Entry, None, None]:
    """The workload's items, one by one; the number is not known in advance.

    Plain text each, or, if any of them may have a priority, all with their priority.

    Blocks while it reads: not for an event loop. Raises a WorkloadError here when there is no first item, and while
    iterating when a later part can't be read, is no UTF-8 text, or exceeds a limit. Closing it closes the connection.
    """
    if workload.items is not None:
        items: Iterator[Entry] = _inline(workload.items, prioritized=workload.prioritized)
        place = "`items`"
    else:
        url = workload.url or ""
        source = (_chunks(url, policy, resolve), policy, clock or SystemClock())
        items = read_prioritized(read_numbered_lines(*source)) if workload.prioritized else read_lines(*source)
        place = shown_url(url)
    first = next(items, None)
    if first is None:
        raise WorkloadError(f"the workload {place} holds no items; it must have one item a line")
    return _resumed(first, items)


def _inline(items: tuple[str | PrioritizedItem, ...], *, prioritized: bool) -> Iterator[Entry]:
    """Inline items, whose form the submission's rules have checked."""
    if not prioritized and all(isinstance(item, str) for item in items):
        return (item for item in items if isinstance(item, str))
    return (_with_priority(item, prioritized=prioritized) for item in items)


def _with_priority(item: str | PrioritizedItem, *, prioritized: bool) -> tuple[int, str]:
    if isinstance(item, PrioritizedItem):
        return item.priority, item.item
    return (parse_prioritized(item) if prioritized else None) or (0, item)


def _chunks(url: str, policy: WorkloadPolicy, resolve: Resolve) -> Iterable[bytes]:
    parts = check_source(url, policy)
    scheme = parts.scheme.lower()
    if scheme in HTTP_SCHEMES:
        return read_http(url, policy, resolve)
    if scheme in LOCAL_SCHEMES:
        return read_local(url, parts)
    return read_fsspec(url, scheme)


def _resumed(first: Entry, items: Iterator[Entry]) -> Generator[Entry, None, None]:
    yield first
    yield from items
