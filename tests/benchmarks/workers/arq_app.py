"""arq: 100 jobs at a time, no stored results, uvloop. For recovery: a short job timeout (its lease is that + 10 s)."""

from __future__ import annotations

import asyncio

import uvloop
import work
from arq import create_pool
from arq.connections import RedisSettings

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
CONCURRENT_ENQUEUES = 50
QUIET = {"version": 1, "loggers": {"arq": {"level": "WARNING"}}}


async def noop(ctx: object, value: str) -> None:
    """The no-op task."""
    work.noop(value)


async def timed(ctx: object, value: str) -> None:
    """The task of 50 ms."""
    await work.async_timed(value)


class WorkerSettings:
    """What arq's command line reads."""

    functions = (noop, timed)
    redis_settings = RedisSettings.from_dsn(work.URL)
    max_jobs = 1 if work.RECOVERY else 100
    poll_delay = 0.1 if work.RECOVERY else 0.01
    job_timeout = 1 if work.RECOVERY else 300
    keep_result = 0
    log_results = False


def enqueue(task: str, items: list[str]) -> None:
    """Concurrent calls: there is no bulk call."""
    asyncio.run(_enqueue(task, items))


async def _enqueue(task: str, items: list[str]) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for start in range(0, len(items), CONCURRENT_ENQUEUES):
        await asyncio.gather(*(pool.enqueue_job(task, item) for item in items[start : start + CONCURRENT_ENQUEUES]))
    await pool.aclose()
