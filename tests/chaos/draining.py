"""Kubernetes' part in a scale-down, played over a fleet: probe the workers' readiness, and remove by SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Iterator

from chaos.fleet import Fleet, Worker
from kubejobs.workqueue.aio import AsyncWorkQueue

_POLL_SECONDS = 0.1
_PROBE_SECONDS = 1.0


class DrainingJob:
    """A Job of so many workers, each with a loopback address of its own; fewer are made by draining."""

    def __init__(self, fleet: Fleet, queue: AsyncWorkQueue) -> None:
        self.drain_seconds: list[float] = []
        self.removed: list[Worker] = []
        self._fleet = fleet
        self._queue = queue
        self._active: dict[str, tuple[Worker, str]] = {}
        self._addresses = _loopback_addresses()
        self._port = _free_port()

    async def scale_to(self, replicas: int) -> None:
        """Start workers, or ask for a drain and remove those that obey, one by one as they do."""
        begun = time.monotonic()
        while len(self._active) > replicas:
            status = await self._queue.request_drain(len(self._active) - replicas, tuple(self._active))
            for name in status.drained:
                worker, host = self._active[name]
                if not _is_ready(host, self._port):
                    worker.process.send_signal(signal.SIGTERM)
                    self.removed.append(worker)
                    del self._active[name]
                    self.drain_seconds.append(time.monotonic() - begun)
            await asyncio.sleep(_POLL_SECONDS)
        await self._queue.request_drain(0, tuple(self._active))
        while len(self._active) < replicas:
            host = next(self._addresses)
            worker = self._fleet.start(POD_IP=host, KUBEJOBS_READY_PORT=self._port)
            self._active[worker.name] = worker, host


def _is_ready(host: str, port: int) -> bool:
    """What a tcpSocket probe would say."""
    try:
        socket.create_connection((host, port), timeout=_PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def _loopback_addresses() -> Iterator[str]:
    return (f"127.0.1.{number}" for number in range(1, 255))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
