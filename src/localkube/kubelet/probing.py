"""The probes of one run of a container: startup first, then readiness and liveness."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from localkube.kubelet.probes import ExecRunner, attempt_of, watch_probe

ReadinessListener = Callable[[bool, bool, str], None]
"""Is told ready, started and, if it turned bad, why."""
UnhealthyListener = Callable[[str], Awaitable[None]]


class Probing:
    """Begins with the process and ends with it."""

    def __init__(
        self,
        container: dict[str, Any],
        address: str,
        run: ExecRunner,
        on_readiness: ReadinessListener,
        on_unhealthy: UnhealthyListener,
    ) -> None:
        self._container = container
        self._address = address
        self._run = run
        self._on_readiness = on_readiness
        self._on_unhealthy = on_unhealthy
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start probing; a container without probes is ready at once."""
        if "startupProbe" in self._container:
            self._on_readiness(False, False, "")  # noqa: FBT003 -- the listener's order
            self._watch("startupProbe", self._on_startup)
        else:
            self._begin_regular()

    def _begin_regular(self) -> None:
        self._on_readiness("readinessProbe" not in self._container, True, "")  # noqa: FBT003 -- the listener's order
        if "readinessProbe" in self._container:
            self._watch("readinessProbe", self._on_ready)
        if "livenessProbe" in self._container:
            self._watch("livenessProbe", self._on_liveness)

    def _watch(self, name: str, opinion: Callable[[bool], Awaitable[None]]) -> None:
        probe = self._container[name]
        attempt = attempt_of(probe, self._container, self._address, self._run)
        self._tasks.append(asyncio.create_task(watch_probe(probe, attempt, opinion)))

    async def _on_startup(self, good: bool) -> None:  # noqa: FBT001 -- an opinion is yes or no
        if not good:
            await self._on_unhealthy("Startup probe failed")
            return
        own = asyncio.current_task()
        self._begin_regular()
        if own in self._tasks:
            self._tasks.remove(own)
            own.cancel()

    async def _on_ready(self, good: bool) -> None:  # noqa: FBT001 -- an opinion is yes or no
        self._on_readiness(good, True, "" if good else "Readiness probe failed")  # noqa: FBT003 -- the listener's order

    async def _on_liveness(self, good: bool) -> None:  # noqa: FBT001 -- an opinion is yes or no
        if not good:
            await self._on_unhealthy("Liveness probe failed")

    async def end(self) -> None:
        """Stop probing."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
