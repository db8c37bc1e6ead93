"""The queue's two kinds, a server's and the one in memory, behind one face for tests of what both do.

Rule: time passes only when a test says so.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import redis

from kubejobs.testing import MemoryQueue
from kubejobs.workqueue import scripts
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.connection import run_script
from kubejobs.workqueue.leasing import LeaseClient, Turn
from kubejobs.workqueue.types import QueueAddress
from support.queue_fixtures import expire_leases

LONG_SECONDS = 1_000_000.0


class Backend(ABC):
    """One run's queue; `queue` has WorkQueue's verbs. Workers that it makes are closed with it."""

    queue: Any

    @abstractmethod
    def worker(self, name: str = "pod-1", **options: Any) -> Any:
        """A new session of a worker."""

    @abstractmethod
    def control(self, action: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
        """What `action` returns, given the queue as the control loop sees it."""

    @abstractmethod
    def pass_time(self) -> None:
        """Let every lease and every delay end."""

    @abstractmethod
    def delays(self) -> list[float]:
        """How long delayed items still have to wait, in seconds."""

    @abstractmethod
    def unstart(self, lease: str, keep: int) -> int:
        """As the script UNSTART."""

    def close(self) -> None:
        """Leave nothing behind."""
        self.queue.delete_run()
        self.queue.close()

    @staticmethod
    def lose_reply(worker: Any, **options: Any) -> Turn:
        """A turn whose reply never reaches the worker: it takes place, but the worker does not know."""
        before = worker._number, worker.lease
        turn = worker.turn(**options)
        worker._number, worker.lease = before
        return turn


class MemoryBackend(Backend):
    """MemoryQueue."""

    def __init__(self, **options: Any) -> None:
        self.queue = MemoryQueue(**options)

    def worker(self, name: str = "pod-1", **options: Any) -> Any:
        """As Backend.worker."""
        return self.queue.lease_client(name, **options)

    def control(self, action: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
        """As Backend.control."""
        port = self.queue.control_port()
        port._max_attempts = options.get("max_attempts", port._max_attempts)
        coroutine: Any = action(port)
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("a queue in memory waits for nothing")

    def pass_time(self) -> None:
        """As Backend.pass_time."""
        self.queue.clock.advance(LONG_SECONDS)

    def delays(self) -> list[float]:
        """As Backend.delays."""
        return [due - self.queue.clock.now() for due, *_ in self.queue.ledger.delayed]

    def unstart(self, lease: str, keep: int) -> int:
        """As Backend.unstart."""
        return self.queue.unstart(lease, keep)


class ServerBackend(Backend):
    """WorkQueue and its companions, on a real server; `raw` is a plain client of it."""

    def __init__(self, address: QueueAddress, raw: redis.Redis) -> None:
        self.address = address
        self.raw = raw
        self.queue = WorkQueue(address)
        self._workers: list[LeaseClient] = []

    def worker(self, name: str = "pod-1", **options: Any) -> Any:
        """As Backend.worker."""
        self._workers.append(LeaseClient(self.address, name, **options))
        return self._workers[-1]

    def control(self, action: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
        """As Backend.control."""

        async def inside() -> Any:
            async with AsyncWorkQueue(self.address, **options) as queue:
                return await action(queue)

        return asyncio.run(inside())

    def pass_time(self) -> None:
        """As Backend.pass_time."""
        expire_leases(self.raw, self.queue.keys)

    def delays(self) -> list[float]:
        """As Backend.delays."""
        seconds, microseconds = self.raw.time()
        now = seconds + microseconds / 1e6
        ends = self.raw.zrange(f"{self.queue.keys.queued}:delayed", 0, -1, withscores=True)
        return [until_ms / 1000 - now for _, until_ms in ends]

    def unstart(self, lease: str, keep: int) -> int:
        """As Backend.unstart."""
        return int(run_script(self.raw, scripts.UNSTART, self.queue.keys.queued, lease, keep)[1])

    def close(self) -> None:
        """As Backend.close."""
        for worker in self._workers:
            worker.close()
        super().close()
