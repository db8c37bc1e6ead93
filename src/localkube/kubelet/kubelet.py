"""Runs the pods that are assigned to the node, and ends those that are deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from localkube.kubelet.logs import LogFile
from localkube.kubelet.node import Node
from localkube.kubelet.pod import PodRunner
from localkube.state.kinds import CLAIMS, CONFIG_MAPS, PODS, SECRETS, Object
from localkube.state.objects import is_deleting, uid_of
from localkube.state.store import Event

_REFERENCES = (SECRETS, CONFIG_MAPS, CLAIMS)


class Kubelet:
    """The node's agent."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._runners: dict[str, PodRunner] = {}
        self._discarding: set[asyncio.Task[None]] = set()
        self._unsubscribe = node.store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.kind in _REFERENCES:
            self._node.references.tell()
        if event.kind is not PODS:
            return
        uid = uid_of(event.item)
        runner = self._runners.get(uid)
        if event.change == "DELETED":
            if runner is not None:
                self._in_background(self._discard(uid, runner))
        elif runner is None and event.item["spec"].get("nodeName") and not is_deleting(event.item):
            runner = self._runners[uid] = PodRunner(self._node, event.item)
            runner.start()
        elif runner is not None and is_deleting(event.item):
            runner.stop(float(event.item["metadata"]["deletionGracePeriodSeconds"]))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    async def _discard(self, uid: str, runner: PodRunner) -> None:
        await runner.discard()
        self._runners.pop(uid, None)

    def container_log(self, pod: Object, container: str, *, previous: bool) -> LogFile | None:
        """The log of a container's run, or None if it has not run (before)."""
        runner = self._runners.get(uid_of(pod))
        return runner.log(container, previous=previous) if runner else None

    def halt(self) -> None:
        """Take on no pod and restart no container any more."""
        self._unsubscribe()
        for runner in self._runners.values():
            runner.halt()

    async def close(self) -> None:
        """Let go of every pod, after `halt` and the end of their processes."""
        for uid, runner in list(self._runners.items()):
            self._in_background(self._discard(uid, runner))
        if self._discarding:
            await asyncio.gather(*self._discarding, return_exceptions=True)
