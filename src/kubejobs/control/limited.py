"""A time limit on every call of the loop: what does not answer in time counts as not answering.

Rule: a limit is by the event loop's clock, so it holds on virtual time too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from typing import Any, TypeVar

from kubejobs.control.ports import ClusterPort, JobStatus, QueuePort, WorkerPod
from kubejobs.errors import ClusterUnavailableError, KubeJobsError, QueueUnavailableError
from kubejobs.workqueue.types import DrainStatus, QueueSnapshot, Signal, WorkerExit

T = TypeVar("T")


async def _answer_of(who: str, call: str, answer: Awaitable[T], seconds: float, silence: type[KubeJobsError]) -> T:
    """The answer; a `silence` error if it does not come within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError as error:
        raise silence(f"{who} did not answer {call} within {seconds:g} s") from error


class LimitedQueue:
    """A QueuePort whose calls raise QueueUnavailableError after `seconds`."""

    def __init__(self, queue: QueuePort, seconds: float) -> None:
        self._queue = queue
        self._seconds = seconds

    async def _within(self, call: str, answer: Awaitable[T]) -> T:
        return await _answer_of("the queue", call, answer, self._seconds, QueueUnavailableError)

    async def snapshot(self) -> QueueSnapshot:
        """As QueuePort.snapshot."""
        return await self._within("snapshot", self._queue.snapshot())

    async def recover_expired(
        self, limit: int = 1000, *, live_workers: int | None = None, failed_workers: int = 0
    ) -> int:
        """As QueuePort.recover_expired."""
        return await self._within(
            "recover_expired",
            self._queue.recover_expired(limit, live_workers=live_workers, failed_workers=failed_workers),
        )

    async def request_drain(
        self, wanted: int, live: Collection[str], others: Collection[str] | None = None
    ) -> DrainStatus:
        """As QueuePort.request_drain."""
        return await self._within("request_drain", self._queue.request_drain(wanted, live, others))

    async def lease_holders(self) -> tuple[str, ...]:
        """As QueuePort.lease_holders."""
        return await self._within("lease_holders", self._queue.lease_holders())

    async def record_exits(self, exits: Mapping[str, WorkerExit]) -> int:
        """As QueuePort.record_exits."""
        return await self._within("record_exits", self._queue.record_exits(exits))

    async def hold_queued(self) -> int:
        """As QueuePort.hold_queued."""
        return await self._within("hold_queued", self._queue.hold_queued())

    async def acquire_leadership(self, owner: str, ttl_seconds: float) -> int | None:
        """As QueuePort.acquire_leadership."""
        return await self._within("acquire_leadership", self._queue.acquire_leadership(owner, ttl_seconds))

    async def renew_leadership(self, token: int, ttl_seconds: float) -> None:
        """As QueuePort.renew_leadership."""
        await self._within("renew_leadership", self._queue.renew_leadership(token, ttl_seconds))

    async def release_leadership(self, token: int) -> None:
        """As QueuePort.release_leadership."""
        await self._within("release_leadership", self._queue.release_leadership(token))

    async def load_state(self) -> dict[str, Any] | None:
        """As QueuePort.load_state."""
        return await self._within("load_state", self._queue.load_state())

    async def save_turn(self, token: int, line: dict[str, Any], state: dict[str, Any]) -> None:
        """As QueuePort.save_turn."""
        await self._within("save_turn", self._queue.save_turn(token, line, state))

    async def signal_run(self, signal: Signal) -> None:
        """As QueuePort.signal_run."""
        await self._within("signal_run", self._queue.signal_run(signal))


class LimitedCluster:
    """A ClusterPort whose calls raise ClusterUnavailableError after `seconds`."""

    def __init__(self, cluster: ClusterPort, seconds: float) -> None:
        self._cluster = cluster
        self._seconds = seconds

    async def _within(self, call: str, answer: Awaitable[T]) -> T:
        return await _answer_of("Kubernetes", call, answer, self._seconds, ClusterUnavailableError)

    async def read_job(self) -> JobStatus:
        """As ClusterPort.read_job."""
        return await self._within("read_job", self._cluster.read_job())

    async def read_pods(self) -> tuple[WorkerPod, ...]:
        """As ClusterPort.read_pods."""
        return await self._within("read_pods", self._cluster.read_pods())

    async def set_parallelism(self, replicas: int, resource_version: str) -> None:
        """As ClusterPort.set_parallelism."""
        await self._within("set_parallelism", self._cluster.set_parallelism(replicas, resource_version))
