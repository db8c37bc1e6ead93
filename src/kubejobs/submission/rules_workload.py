"""What must hold for a workload: one source, and inline items that are items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubejobs.submission.issue import Fields, Issue, look_up
from kubejobs.submission.paths import Path
from kubejobs.submission.patterns import MAX_INLINE_ITEMS
from kubejobs.submission.workload_priorities import BAD_LINE, parse_prioritized

_ITEMS: Path = ("workload", "items")
_URL: Path = ("workload", "url")
_MOST_ITEM_ISSUES = 10
_NO_ITEM = "is empty or holds a line break; an item is one line of text"


def one_source(fields: Fields) -> Iterator[Issue]:
    """Either a URL or inline items."""
    workload = fields.get("workload")
    if workload is not None and not isinstance(workload, dict):
        return
    given = [path for path in (_URL, _ITEMS) if look_up(fields, path) is not None]
    if not given:
        message = "is missing; give the URL of a file with one item a line (in the product's own shape: or `items`)"
        yield Issue(_URL, message)
    if len(given) > 1:
        yield Issue(_ITEMS, "is given beside {}; give one of the two", (_URL,))


def inline_items(fields: Fields) -> Iterator[Issue]:
    """Not none and not too many of them, each one line, with a priority where the lines have one."""
    items = look_up(fields, _ITEMS)
    if not isinstance(items, list | tuple):
        return
    if not items:
        yield Issue(_ITEMS, "is an empty list; a job needs at least one item")
    if len(items) > MAX_INLINE_ITEMS:
        message = (
            f"holds {len(items):,} items; at most {MAX_INLINE_ITEMS:,} can be inline: put them into a file, use {{}}"
        )
        yield Issue(_ITEMS, message, (_URL,))
        return
    prioritized = look_up(fields, ("workload", "prioritized")) is True
    issues = [issue for place, item in enumerate(items) for issue in _item_issues(place, item, prioritized=prioritized)]
    yield from issues[:_MOST_ITEM_ISSUES]
    if len(issues) > _MOST_ITEM_ISSUES:
        yield Issue(_ITEMS, f"{len(issues) - _MOST_ITEM_ISSUES:,} more items have such problems")


def _item_issues(position: int, item: Any, *, prioritized: bool) -> Iterator[Issue]:
    """What is wrong with one inline item; a wrong type is the schema's to say."""
    path: Path = (*_ITEMS, position)
    if isinstance(item, dict):
        text = item.get("item")
        if isinstance(text, str) and not _is_line(text):
            yield Issue((*path, "item"), _NO_ITEM)
    elif isinstance(item, str):
        if not _is_line(item):
            yield Issue(path, _NO_ITEM)
        elif prioritized and parse_prioritized(item) is None:
            yield Issue(path, f"is not {BAD_LINE}, as {{}} says", (("workload", "prioritized"),))


def _is_line(item: str) -> bool:
    return bool(item.strip()) and "\n" not in item and "\r" not in item
