"""saq: 100 jobs at a time, jobs deleted when done, uvloop. For recovery: a heartbeat of 3 s, a sweep every second."""

from __future__ import annotations

import asyncio

import uvloop
import work
from saq import Queue

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
DELETE_WHEN_DONE = -1
CONCURRENT_ENQUEUES = 20


async def noop(ctx: object, *, value: str) -> None:
    """The no-op task."""
    work.noop(value)


async def timed(ctx: object, *, value: str) -> None:
    """The task of 50 ms."""
    await work.async_timed(value)


queue = Queue.from_url(work.URL)
settings = {"queue": queue, "functions": [noop, timed], "concurrency": 100}
if work.RECOVERY:
    settings |= {"concurrency": 1, "timers": {"sweep": 1, "schedule": 1}}


def enqueue(task: str, items: list[str]) -> None:
    """Concurrent calls, as many as saq lets through at once: there is no bulk call."""
    asyncio.run(_enqueue(task, items))


async def _enqueue(task: str, items: list[str]) -> None:
    own = Queue.from_url(work.URL)
    options = {"heartbeat": work.LEASE_SECONDS, "retries": 10} if work.RECOVERY else {}
    options["ttl"] = DELETE_WHEN_DONE
    for start in range(0, len(items), CONCURRENT_ENQUEUES):
        part = items[start : start + CONCURRENT_ENQUEUES]
        await asyncio.gather(*(own.enqueue(task, value=item, **options) for item in part))
    await own.disconnect()
