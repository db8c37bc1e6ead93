"""One pod: address, volumes, init containers, containers, and its end.

Rule: only the pod's own runner writes what the kubelet knows of it; a pod's object goes only after its processes.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path

from localkube.kubelet.container import Container
from localkube.kubelet.errors import ContainerConfigError
from localkube.kubelet.logs import LogFile
from localkube.kubelet.node import Node
from localkube.kubelet.status import PodView, merge_status
from localkube.kubelet.volumes import make_volumes
from localkube.state.deletion import DeleteOptions, delete
from localkube.state.kinds import PODS, Object
from localkube.state.objects import key_of, now, uid_of

log = logging.getLogger(__name__)


class PodRunner:
    """The life of one pod on this node."""

    def __init__(self, node: Node, pod: Object) -> None:
        self._node = node
        self._pod = pod
        self._directory = node.settings.pods / uid_of(pod)
        spec = pod["spec"]
        self._policy: str = spec["restartPolicy"]
        self._init = [self._container(item) for item in spec.get("initContainers") or []]
        self._main = [self._container(item) for item in spec["containers"]]
        self._address = ""
        self._start_time = now()
        self._ended = False
        self._stopping = False
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    def _container(self, spec: Object) -> Container:
        return Container(self._node, self._pod, spec, self._directory, self._publish)

    def start(self) -> None:
        """Begin to run the pod."""
        self._task = asyncio.create_task(self._live())
        self._task.add_done_callback(self._report_failure)

    def _report_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("the pod %s/%s could not be run", *key_of(self._pod), exc_info=task.exception())

    async def _live(self) -> None:
        self._address = self._node.addresses.take()
        if self._init:
            for container in self._main:
                container.waits_for_init()
        self._publish()
        volumes = await self._mount()
        if volumes is not None and await self._initialize(volumes):
            await asyncio.gather(*(one.run(self._address, volumes, self._policy) for one in self._main))
        self._ended = not self._stopping or self._ran()
        self._publish()

    def _ran(self) -> bool:
        return any(one.view.exit_code is not None for one in (*self._init, *self._main))

    async def _mount(self) -> dict[str, Path] | None:
        """The pod's volumes, as soon as they can be made; None if it is stopped before."""
        while not self._stop.is_set():
            try:
                return make_volumes(
                    self._node.store, self._pod, self._directory / "volumes", self._node.settings.claims
                )
            except ContainerConfigError as problem:
                self._node.recorder.warning(PODS, self._pod, "FailedMount", f"MountVolume.SetUp failed: {problem}")
                waits = [asyncio.ensure_future(self._node.references.wait()), asyncio.ensure_future(self._stop.wait())]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
        return None

    async def _initialize(self, volumes: dict[str, Path]) -> bool:
        """Run the init containers one after another; whether all succeeded."""
        policy = "Never" if self._policy == "Never" else "OnFailure"
        for container in self._init:
            await container.run(self._address, volumes, policy)
            if not container.view.succeeded:
                return False
        return not self._stop.is_set()

    def _publish(self) -> None:
        view = PodView(
            self._policy,
            [one.view for one in self._init],
            [one.view for one in self._main],
            self._address,
            self._start_time,
            self._ended,
        )
        self._node.store.change(PODS, self._pod, lambda fresh: fresh.update(status=merge_status(view, fresh)))

    def stop(self, grace_seconds: float) -> None:
        """End the pod gracefully and then let its object go; a second call can only shorten the grace."""
        if self._stopping:
            if grace_seconds == 0:
                self._kill()
            return
        self._stopping = True
        self._ending = asyncio.create_task(self._end(grace_seconds))

    async def _end(self, grace_seconds: float) -> None:
        self._stop.set()
        await asyncio.gather(*(one.stop(grace_seconds) for one in (*self._init, *self._main)))
        if self._task is not None:
            await self._task
        current = self._node.store.find(PODS, *key_of(self._pod))
        if current is not None and uid_of(current) == uid_of(self._pod):
            delete(self._node.store, PODS, current, DeleteOptions(grace_seconds=0))

    def halt(self) -> None:
        """Start no container any more; those that run go on."""
        self._stop.set()
        for container in (*self._init, *self._main):
            container.halt()

    def _kill(self) -> None:
        self.halt()
        for container in (*self._init, *self._main):
            container.kill()

    async def discard(self) -> None:
        """The object has gone: end what still runs, and remove what the pod had on disk."""
        self._stopping = True
        self._kill()
        if self._task is not None:
            await self._task
        if self._address:
            self._node.addresses.give_back(self._address)
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    def log(self, container: str, *, previous: bool) -> LogFile | None:
        """The log of the container's last run, or of the one before."""
        found = next(one for one in (*self._init, *self._main) if one.spec["name"] == container)
        place = 2 if previous else 1
        return found.logs[-place] if len(found.logs) >= place else None
