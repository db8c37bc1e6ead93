"""taskiq on a Redis list: faster, but nothing is acknowledged, so an interrupted item is lost by design."""

from __future__ import annotations

import asyncio

import work
from taskiq_redis import ListQueueBroker

CONCURRENT_ENQUEUES = 50
broker = ListQueueBroker(work.URL)
noop = broker.task(task_name="noop")(work.async_noop)
timed = broker.task(task_name="timed")(work.async_timed)


def enqueue(task: str, items: list[str]) -> None:
    """Concurrent calls: there is no bulk call."""
    asyncio.run(_enqueue(noop if task == "noop" else timed, items))


async def _enqueue(function, items: list[str]) -> None:
    await broker.startup()
    for start in range(0, len(items), CONCURRENT_ENQUEUES):
        await asyncio.gather(*(function.kiq(item) for item in items[start : start + CONCURRENT_ENQUEUES]))
    await broker.shutdown()
