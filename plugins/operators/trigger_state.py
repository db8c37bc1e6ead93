"""What a trigger asks of Airflow about its own task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from airflow.sdk import conf
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

_FAILED = frozenset({"failed", "upstream_failed", "removed"})


def shortest_dwell_seconds() -> float:
    """How long a trigger has to live before it may end its task.

    The worker's exit after the deferral is seen up to `[workers] min_heartbeat_interval` late; a task that is ended
    before that is failed by the scheduler's bookkeeping.
    """
    return float(conf.getint("workers", "min_heartbeat_interval", fallback=5)) + 0.5


@asynccontextmanager
async def ending(dwell_seconds: float) -> AsyncIterator[None]:
    """Leave the block no sooner than `dwell_seconds` after it was entered."""
    dwell = asyncio.create_task(asyncio.sleep(dwell_seconds))
    try:
        yield
        await dwell
    finally:
        dwell.cancel()


_KEPT: set[asyncio.Task[None]] = set()


async def finish_though_cancelled(work: Coroutine[Any, Any, None]) -> None:
    """Do the work to its end, also when the caller is cancelled meanwhile.

    The triggerer cancels `on_kill` after about a second, and an event loop holds its tasks by weak references only.
    """
    task = asyncio.create_task(work)
    _KEPT.add(task)
    task.add_done_callback(_KEPT.discard)
    await asyncio.shield(task)


async def was_failed_by_a_user(task_instance: Any) -> bool:
    """Whether the task is marked failed now.

    A trigger's `on_kill` also runs when the task is cleared, marked as a success, or given to another triggerer
    while this one stalled; only a failed mark means that the run shall end.
    """
    states = await asyncio.to_thread(
        RuntimeTaskInstance.get_task_states,
        dag_id=task_instance.dag_id,
        task_ids=[task_instance.task_id],
        run_ids=[task_instance.run_id],
    )
    return states.get(task_instance.run_id, {}).get(task_instance.task_id) in _FAILED
