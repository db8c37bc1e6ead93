"""taskiq on a Redis stream, its broker with acknowledgements. For recovery: one at a time, a short idle timeout."""

from __future__ import annotations

import asyncio

import work
from taskiq_redis import RedisStreamBroker

CONCURRENT_ENQUEUES = 50
_recovery = {
    "idle_timeout": work.LEASE_SECONDS * 1000,
    "xread_count": 1,
    "xread_block": 500,
    "unacknowledged_lock_timeout": 1,
}
broker = RedisStreamBroker(work.URL, consumer_id="0", **(_recovery if work.RECOVERY else {}))
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
