"""A control loop beside a test: the product's own, in an event loop of its own thread, over a real queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from chaos.process_cluster import ProcessCluster
from kubejobs.clock import SystemClock
from kubejobs.control.loop import run_control
from kubejobs.control.outcome import Outcome
from kubejobs.control.plan import Plan
from kubejobs.control.timing import ControlTimings
from kubejobs.naming import RunIdentity
from kubejobs.submission.model import Scaling, Submission, Workload
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress

_TIMINGS = ControlTimings(leader_ttl_seconds=3.0, call_timeout_seconds=5.0, end_pause_seconds=0.1)


def plan_of(queue: WorkQueue, workers: int) -> Plan:
    """The plan of a filled queue's run, with that many workers from start to end."""
    started_at = queue.start_clock()
    return Plan(
        identity=RunIdentity("kubejobs", "chaos"),
        submission=Submission(
            image="local",
            workload=Workload(items=("stands for the real ones",)),
            expected_time=600,
            scaling=Scaling(initial_replicas=workers, min_replicas=workers, max_replicas=workers, check_interval=0.2),
        ),
        namespace="chaos",
        total=queue.snapshot().counts.total,
        submitted_at=started_at,
        started_at=started_at,
    )


@contextmanager
def controlled(plan: Plan, address: QueueAddress, cluster: ProcessCluster) -> Iterator[Future[Outcome]]:
    """The run's control loop for the block; the future has the run's outcome, and is waited for at the block's end."""

    async def control() -> Outcome:
        async with AsyncWorkQueue(address, lease_seconds=2.0) as queue:
            return await run_control(
                plan, clock=SystemClock(), queue=queue, cluster=cluster, owner="chaos", timings=_TIMINGS
            )

    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(asyncio.run, control())
