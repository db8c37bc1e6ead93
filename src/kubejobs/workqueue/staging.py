"""Items of a fill on their way to the server: many a round trip, each priority into a list of its own.

Rule: streamed; what is staged is not visible to any worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from kubejobs.workqueue.appending import check_items, check_priority

_BATCHES_PER_ROUND_TRIP = 8


def staging_pipelines(
    client: Any, key: str, items: Iterable[str | tuple[int, str]], batch: int
) -> Iterator[tuple[int, Any]]:
    """How many items, and the pipeline that pushes them into the list `key`, those of priority p > 0 into `key:<p>`.

    Raises QueueError for what can't be an item or a priority.
    """
    iterator = iter(items)
    while True:
        pipeline, size = client.pipeline(transaction=False), 0
        for _ in range(_BATCHES_PER_ROUND_TRIP):
            if not (values := list(islice(iterator, batch))):
                break
            _push(pipeline, key, values)
            size += len(values)
        if not size:
            return
        yield size, pipeline


def _push(pipeline: Any, key: str, values: list[str | tuple[int, str]]) -> None:
    # Most fills have no priorities: to ask that of a thousand items at once costs a tenth of looking at each.
    levels: Any = {0: values} if set(map(type, values)) == {str} else _by_level(values)
    for level, level_items in levels.items():
        check_priority(level)
        check_items(level_items)
        if level_items:
            pipeline.lpush(f"{key}:{level}" if level else key, *level_items)


def _by_level(values: list[str | tuple[int, str]]) -> dict[int, list[str]]:
    levels: dict[int, list[str]] = {}
    for value in values:
        level, item = (0, value) if isinstance(value, str) else value
        levels.setdefault(level, []).append(item)
    return levels
