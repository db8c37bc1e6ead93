"""Read the Job's pods when there is a reason to, and note the workers that were lost.

Rule: what a lost worker held is put back at once, not when its lease is over; noting the same twice changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.control.drain import names_in_words
from kubejobs.control.journal import Event
from kubejobs.control.look import Look
from kubejobs.control.losses import MOST_NOTED, failed_idle, lost_workers
from kubejobs.control.parts import Parts
from kubejobs.control.record import Record
from kubejobs.errors import ClusterError
from kubejobs.workqueue.types import WorkerExit

log = logging.getLogger(__name__)

_WORKERS_SHOWN = 10


class Survey:
    """The pods of one run's Job, seen during one term."""

    def __init__(self, parts: Parts, record: Record) -> None:
        self._parts = parts
        self._record = record
        self._disruptions: dict[str, WorkerExit] = {}

    async def pods(self, look: Look) -> tuple[WorkerPod, ...] | None:
        """The Job's pods while workers drain or may be lost; None where they were not needed or can't be read."""
        memory = self._record.memory
        searching = memory.searches > 0
        if look.job is None or not (searching or memory.drain is not None):
            return None
        holders = await self._parts.queue.lease_holders() if searching else ()
        try:
            pods = await self._parts.cluster.read_pods()
        except ClusterError as error:
            log.warning("%s: the Job's pods can't be read: %s", self._parts.name, error)
            return None
        if searching:
            await self._search(holders, pods, look)
        return pods

    async def _search(self, holders: tuple[str, ...], pods: tuple[WorkerPod, ...], look: Look) -> None:
        memory = self._record.memory
        lost = lost_workers(holders, pods, self._parts.plan.identity.job_name, self._disruptions)
        exits = lost | failed_idle(pods, {*memory.exits, *lost})
        self._disruptions = {pod.name: pod.disruption for pod in pods if pod.disruption is not None}
        self._record.remember(searches=memory.searches - 1)
        if not exits:
            return
        recovered = await self._parts.queue.record_exits(exits)
        self._record.remember(exits=(*memory.exits, *exits)[:MOST_NOTED])
        message = _message(exits, recovered)
        workers = {name: end.reason for name, end in list(exits.items())[:_WORKERS_SHOWN]}
        await self._record.write(
            Event.WORKERS_LOST, look, message=message, lost=len(exits), workers=workers, recovered=recovered
        )


def _message(exits: Mapping[str, WorkerExit], recovered: int) -> str:
    first = next(iter(exits.values()))
    what = f"{len(exits)} workers were lost ({names_in_words(list(exits))})"
    return f"{what}; {recovered} items were taken back from them; the first: {first.reason}, {first.message}"
