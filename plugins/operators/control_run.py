"""Controlling one run from the triggerer: opens the run's queue and cluster and runs the control loop on them.

Slow to import (the Kubernetes client), so the trigger imports it in a thread, once for each triggerer.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from kubejobs.clock import SystemClock
from kubejobs.cluster.job_status import FAILED, SUCCEEDED
from kubejobs.control.loop import run_control
from kubejobs.control.outcome import Outcome
from kubejobs.control.plan import Plan
from kubejobs.control.timing import ControlTimings
from kubejobs.errors import (
    ClusterError,
    ClusterUnavailableError,
    KubeJobsError,
    QueueLostError,
    QueueUnavailableError,
)
from kubejobs.naming import RunIdentity
from kubejobs.settings import Settings
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.types import Signal
from operators.trigger_cluster import TriggerCluster

_PAUSE_SECONDS = 2.0
_ANNOUNCE_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)

Publish = Callable[[dict[str, Any]], Awaitable[None]]


class ControlledRun:
    """One run under control; `patience_seconds` bounds how long its queue may be out of reach at the start."""

    def __init__(self, run: RunIdentity, cluster: str, namespace: str, patience_seconds: float, log: Any) -> None:
        self._cluster = TriggerCluster(cluster, run, namespace)
        self._patience_seconds = patience_seconds
        self._log = log

    async def outcome(self, publish: Publish) -> Outcome:
        """How the run ended; a KubeJobsError if it could not be controlled at all."""
        try:
            outcome = await self._control(publish)
        except KubeJobsError:
            await self._announce(FAILED)
            raise
        await self._announce(SUCCEEDED if outcome.success else FAILED)
        return outcome

    async def _announce(self, outcome: str) -> None:
        """Tell the task `job`, which follows the Job alone and may have nothing else to end it."""
        for pause_seconds in _ANNOUNCE_PAUSES_SECONDS:
            try:
                await self._cluster.announce(outcome)
            except ClusterError as error:
                self._log.warning("the outcome could not be written on the Job: %s", error)
                await asyncio.sleep(pause_seconds)
            else:
                return

    async def _control(self, publish: Publish) -> Outcome:
        settings = Settings.from_environment()
        queue, plan = await self._open()
        clock = WakingClock()
        watcher = asyncio.create_task(_wake_at_the_end(self._cluster, clock))
        try:
            return await run_control(
                plan,
                clock=clock,
                queue=queue,
                cluster=self._cluster,
                owner=uuid.uuid4().hex,
                timings=ControlTimings(
                    leader_ttl_seconds=settings.leader_ttl_seconds,
                    progress_interval_seconds=settings.progress_interval_seconds,
                ),
                on_progress=publish,
            )
        finally:
            watcher.cancel()
            await queue.close()

    async def _open(self) -> tuple[AsyncWorkQueue, Plan]:
        """The run's queue and plan, with patience while the cluster or the queue does not answer."""
        deadline = asyncio.get_running_loop().time() + self._patience_seconds
        while True:
            try:
                return await self._open_once()
            except (ClusterUnavailableError, QueueUnavailableError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                self._log.warning("%s; trying again", error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _open_once(self) -> tuple[AsyncWorkQueue, Plan]:
        address = await self._cluster.queue_address()
        async with AsyncWorkQueue(address) as reader:
            plan = await _plan(reader)
        options = plan.submission.queue
        return AsyncWorkQueue(address, lease_seconds=options.lease_seconds, max_attempts=options.max_attempts), plan

    async def terminate(self) -> None:
        """End the run now: tell the workers, then delete their Job."""
        try:
            async with AsyncWorkQueue(await self._cluster.queue_address()) as queue:
                await queue.signal_run(Signal.TERMINATE)
        except KubeJobsError as error:
            self._log.warning("the workers could not be told to end: %s", error)
        await self._cluster.delete_job()


async def _plan(queue: AsyncWorkQueue) -> Plan:
    text = await queue.read_plan()
    if text is None:
        raise QueueLostError("the queue holds no plan of this run: it was deleted, or its server lost its data")
    return Plan.from_json(text)


class WakingClock(SystemClock):
    """The machine's time, but a sleep ends early once `wake` was called."""

    def __init__(self) -> None:
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """End the sleep that goes on, or the next one; once."""
        self._awake.set()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as there is something to see."""
        try:
            await asyncio.wait_for(self._awake.wait(), seconds)
        except TimeoutError:
            return
        self._awake.clear()


async def _wake_at_the_end(cluster: TriggerCluster, clock: WakingClock) -> None:
    """Wake the loop when the Job ends, so that a long check interval does not delay the run's end."""
    while True:
        try:
            await cluster.wait_until_ended()
        except ClusterError:
            # Silent, not made yet, or gone: the loop finds out which at its next look.
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            clock.wake()
            return
