"""The whole embedded cluster: its parts, put together, started in order and ended in the reverse.

Rule: `close` leaves no process, no listening port and no file that the cluster made.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import socket
from contextlib import AsyncExitStack, suppress
from typing import IO

from aiohttp import web

from localkube.api.app import make_app
from localkube.api.resources import Resources
from localkube.controllers.claims import ClaimController
from localkube.controllers.garbage import GarbageCollector
from localkube.controllers.jobs import JobController
from localkube.controllers.namespaces import NamespaceController
from localkube.controllers.scheduler import Scheduler
from localkube.controllers.statefulsets import StatefulSetController
from localkube.credentials import Credentials, make_credentials, write_kubeconfig
from localkube.errors import LocalKubeError
from localkube.kubelet.images import Images
from localkube.kubelet.kubelet import Kubelet
from localkube.kubelet.node import Node
from localkube.network.addresses import AddressBlocks, PodAddresses, ServiceAddresses
from localkube.network.services import ServiceNetwork
from localkube.processes.spawner import Spawner
from localkube.settings import NODE_ADDRESS, Settings
from localkube.state.recorder import Recorder
from localkube.state.store import Store

_NAMESPACES = ("default", "kube-system", "kube-public")
_STOP_SECONDS = 0.5


class Cluster:
    """One cluster in this event loop; `settings.kubeconfig` exists while it runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self.port = 0

    async def start(self) -> None:
        """Start every part; LocalKubeError if that can't be. The cluster is ready when this returns."""
        settings = self._settings
        settings.state.mkdir(parents=True, exist_ok=True)
        try:
            self._stack.callback(self._lock().close)
            self._stack.push_async_callback(self._remove_files)
            await self._start_parts()
        except BaseException:
            await self.close()
            raise

    async def _start_parts(self) -> None:
        settings, stack = self._settings, self._stack
        credentials = make_credentials(settings.state)
        listener = self._listen()
        blocks = AddressBlocks()
        stack.callback(blocks.close)
        first_block = blocks.reserve()
        store, spawner = Store(), Spawner()
        node = Node(
            store=store,
            settings=settings,
            spawner=spawner,
            images=Images(settings.images, settings.runtimes),
            addresses=PodAddresses(blocks, first_block),
            recorder=Recorder(store, "kubelet"),
            api_port=self.port,
        )
        kubelet = Kubelet(node)
        stack.push_async_callback(kubelet.close)
        await spawner.start()
        stack.push_async_callback(spawner.close)
        stack.callback(kubelet.halt)
        services = ServiceNetwork(store, ServiceAddresses(blocks, first_block))
        stack.push_async_callback(services.close)
        self._start_controllers(store, credentials.certificate)
        await self._serve(store, services, kubelet, listener, credentials)
        write_kubeconfig(settings.kubeconfig, credentials, self.port)

    def _start_controllers(self, store: Store, certificate: str) -> None:
        delay = self._settings.job_delay_seconds
        namespaces = NamespaceController(store, certificate, delay)
        controllers = (
            namespaces,
            GarbageCollector(store, delay),
            Scheduler(store, self._settings),
            ClaimController(store, self._settings),
            JobController(store, self._settings),
            StatefulSetController(store, delay),
        )
        for controller in controllers:
            self._stack.callback(controller.close)
        namespaces.create_first(*_NAMESPACES)

    def _lock(self) -> IO[str]:
        """Hold the state directory, so that no second cluster uses it."""
        lock = (self._settings.state / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            lock.close()
            raise LocalKubeError(
                f"another embedded cluster uses the state directory {self._settings.state}; "
                f"stop it or give another --state"
            ) from problem
        return lock

    def _listen(self) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((NODE_ADDRESS, self._settings.port))
        except OSError as problem:
            listener.close()
            raise LocalKubeError(
                f"the port {self._settings.port} of {NODE_ADDRESS} can't be used: {problem}; give another --port"
            ) from problem
        self._stack.callback(listener.close)
        self.port = int(listener.getsockname()[1])
        return listener

    async def _serve(
        self,
        store: Store,
        services: ServiceNetwork,
        kubelet: Kubelet,
        listener: socket.socket,
        credentials: Credentials,
    ) -> None:
        app = make_app(store, Resources(store, services.allocate), kubelet, credentials.token)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener, ssl_context=credentials.context).start()

    async def _remove_files(self) -> None:
        settings = self._settings
        for directory in (settings.pods, settings.claims, settings.runtimes):
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        for name in ("kubeconfig", "tls.crt", "tls.key", "lock"):
            with suppress(OSError):
                (settings.state / name).unlink(missing_ok=True)

    async def close(self) -> None:
        """End every process and every part."""
        await self._stack.aclose()
