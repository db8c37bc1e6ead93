"""One container of a pod: image, configuration, process, probes, restarts, end.

Rule: `run` returns when the container will not run again; `stop` makes it return within the grace period.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localkube.kubelet.environment import (
    VariableResolver,
    base_variables,
    expand,
    mount_rewriter,
    name_rewriter,
    service_variables,
)
from localkube.kubelet.errors import ContainerConfigError
from localkube.kubelet.images import Runtime
from localkube.kubelet.logs import LogFile
from localkube.kubelet.node import Node
from localkube.kubelet.probing import Probing
from localkube.kubelet.status import ContainerView, waiting
from localkube.kubelet.volumes import container_mounts
from localkube.processes.spawner import Limits, Process, StartError
from localkube.settings import NODE_ADDRESS
from localkube.state.kinds import PODS, Object
from localkube.state.objects import name_of, namespace_of, now
from localkube.state.quantities import parse_quantity

_BACK_OFF_LIMIT_SECONDS = 300.0
_LONG_RUN_SECONDS = 600.0
_PULL_PAUSE_SECONDS = 0.2
_START_FAILED = 128


@dataclass(frozen=True, slots=True)
class Launch:
    """A command ready to be started; `rewrite` is for further commands in the same place (probes, hooks)."""

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    limits: Limits
    rewrite: Callable[[str], str]


class Container:
    """The life of one container."""

    def __init__(
        self, node: Node, pod: Object, spec: dict[str, Any], directory: Path, publish: Callable[[], None]
    ) -> None:
        self.view = ContainerView(spec["name"], spec["image"])
        self.spec = spec
        self.logs: list[LogFile] = []
        self._node = node
        self._pod = pod
        self._directory = directory
        self._publish = publish
        self._stop = asyncio.Event()
        self._process: Process | None = None
        self._launch: Launch | None = None

    def waits_for_init(self) -> None:
        """Tell that init containers run first."""
        self.view.state = waiting("PodInitializing")

    async def run(self, address: str, volumes: dict[str, Path], restart_policy: str) -> None:
        """Run until it has ended for good or is stopped."""
        failures = 0
        while not self._stop.is_set():
            runtime = await self._pull()
            self._launch = await self._configure(runtime, address, volumes) if runtime else None
            if self._launch is None:
                return
            began = time.monotonic()
            code = await self._run_once(self._launch, address)
            if self._stop.is_set() or restart_policy == "Never" or (restart_policy == "OnFailure" and code == 0):
                return
            failures = 0 if time.monotonic() - began > _LONG_RUN_SECONDS else failures
            await self._back_off(failures)
            failures += 1

    async def _back_off(self, failures: int) -> None:
        self.view.last_state, self.view.restart_count = self.view.state, self.view.restart_count + 1
        seconds = 0.0
        if failures:
            seconds = min(self._node.settings.back_off_seconds * 2.0 ** (failures - 1), _BACK_OFF_LIMIT_SECONDS)
            message = f"back-off {seconds:g}s restarting failed container={self.view.name} pod={name_of(self._pod)}"
            self._warn("BackOff", f"Back-off restarting failed container {self.view.name} in pod {name_of(self._pod)}")
            self._wait_state("CrashLoopBackOff", message)
            await self._pause(seconds)

    async def _pull(self) -> Runtime | None:
        runtime = self._node.images.find(self.view.image)
        if runtime is not None:
            return runtime
        message = f'no local runtime for the image "{self.view.image}"; name one with --images'
        self._node.recorder.normal(PODS, self._pod, "Pulling", f'Pulling image "{self.view.image}"')
        self._warn("Failed", f'Failed to pull image "{self.view.image}": {message}')
        self._warn("Failed", "Error: ErrImagePull")
        self._wait_state("ErrImagePull", message)
        await self._pause(_PULL_PAUSE_SECONDS)
        if not self._stop.is_set():
            self._node.recorder.normal(PODS, self._pod, "BackOff", f'Back-off pulling image "{self.view.image}"')
            self._warn("Failed", "Error: ImagePullBackOff")
            self._wait_state("ImagePullBackOff", f'Back-off pulling image "{self.view.image}": {message}')
        # The runtimes are fixed when the cluster starts, so this pod can only wait to be deleted.
        await self._stop.wait()
        return None

    async def _configure(self, runtime: Runtime, address: str, volumes: dict[str, Path]) -> Launch | None:
        """What to start, as soon as every reference can be resolved; None if stopped before."""
        while not self._stop.is_set():
            try:
                return self._make_launch(runtime, address, volumes)
            except ContainerConfigError as problem:
                self._warn("Failed", f"Error: {problem}")
                self._wait_state("CreateContainerConfigError", str(problem))
                await self._first(self._node.references.wait(), self._stop.wait())
        return None

    def _make_launch(self, runtime: Runtime, address: str, volumes: dict[str, Path]) -> Launch:
        node, spec, namespace = self._node, self.spec, namespace_of(self._pod)
        scratch = self._directory / "scratch" / spec["name"]
        scratch.mkdir(parents=True, exist_ok=True)
        hostname = self._pod["spec"].get("hostname") or name_of(self._pod)
        env = base_variables(runtime.path, runtime.env, hostname, scratch)
        env |= {"KUBERNETES_SERVICE_HOST": NODE_ADDRESS, "KUBERNETES_SERVICE_PORT": str(node.api_port)}
        if self._pod["spec"].get("enableServiceLinks", True):
            env |= service_variables(node.store, namespace)
        variables = VariableResolver(node.store, self._pod, spec, address).resolve(env)
        argv = [*(spec.get("command") or runtime.entrypoint), *(spec.get("args") or [])]
        if not spec.get("command") and not spec.get("args"):
            argv += runtime.command
        mounts = container_mounts(spec, volumes)
        in_mounts, to_addresses = mount_rewriter(mounts), name_rewriter(node.store, namespace)

        def rewrite(text: str) -> str:
            return to_addresses(in_mounts(text))

        argv = [rewrite(expand(text, variables)) for text in argv]
        own = {entry["name"] for entry in spec.get("env") or []}
        variables = {k: rewrite(text) if k in own else text for k, text in variables.items()}
        working = Path(in_mounts(spec["workingDir"])) if spec.get("workingDir") else scratch
        # There is no root of the container's own: a working directory outside the volumes becomes the scratch one.
        cwd = working if any(working.is_relative_to(place) for place in mounts.values()) else scratch
        return Launch(argv, variables, cwd, self._limits(), rewrite)

    def _limits(self) -> Limits:
        given = (self.spec.get("resources") or {}).get("limits") or {}
        cores, memory = (parse_quantity(given.get(name) or 0) for name in ("cpu", "memory"))
        return Limits(cores if 0 < cores < (os.cpu_count() or 1) else None, memory or None)

    async def _run_once(self, launch: Launch, address: str) -> int:
        recorder, name = self._node.recorder, self.view.name
        log = LogFile(self._directory / "logs" / name / f"{self.view.restart_count}.log")
        self.logs.append(log)
        recorder.normal(PODS, self._pod, "Pulled", f'Container image "{self.view.image}" already present on machine')
        recorder.normal(PODS, self._pod, "Created", f"Created container: {name}")
        try:
            process = await self._spawn(launch, launch.argv, log.open_pipe())
        except StartError as problem:
            log.close()
            self._warn("Failed", f"Error: failed to start container: {problem}")
            self._ended(_START_FAILED, now(), "StartError", str(problem))
            return _START_FAILED
        started_at = now()
        self._process = process
        self.view.container_id = f"localkube://{process.started.result()}"
        self.view.state = {"running": {"startedAt": started_at}}
        recorder.normal(PODS, self._pod, "Started", f"Started container {name}")
        probing = Probing(self.spec, address, self._exec, self._readiness, self._restart_unhealthy)
        probing.begin()
        if self._stop.is_set():  # asked to end while it was being started
            process.kill()
        try:
            code = await process.wait()
        finally:
            await probing.end()
        await log.closed.wait()
        self._process = None
        self._ended(code, started_at, "OOMKilled" if process.out_of_memory else "Error" if code else "Completed")
        return code

    async def _spawn(self, launch: Launch, argv: list[str], output: int) -> Process:
        if not argv:
            os.close(output)
            raise StartError("no command specified")
        return await self._node.spawner.spawn(argv, launch.env, launch.cwd, output, launch.limits)

    async def _exec(self, argv: list[str], timeout_seconds: float) -> bool:
        """Run a command beside the main process; whether it ended with 0 in time."""
        if self._launch is None:
            return False
        try:
            process = await self._spawn(
                self._launch, list(map(self._launch.rewrite, argv)), os.open(os.devnull, os.O_WRONLY)
            )
        except StartError:
            return False
        try:
            return await asyncio.wait_for(process.wait(), timeout_seconds) == 0
        except TimeoutError:
            return False
        finally:
            process.kill()

    def _readiness(self, ready: bool, started: bool, failure: str) -> None:  # noqa: FBT001 -- a callback's values
        self.view.ready, self.view.started = ready, started
        if failure:
            self._warn("Unhealthy", failure)
        self._publish()

    async def _restart_unhealthy(self, failure: str) -> None:
        self._warn("Unhealthy", failure)
        message = f"Container {self.view.name} failed a probe, will be restarted"
        self._node.recorder.normal(PODS, self._pod, "Killing", message)
        if self._process is not None:
            await self._process.end(float(self._pod["spec"].get("terminationGracePeriodSeconds", 30)))

    def _ended(self, code: int, started_at: str, reason: str, message: str = "") -> None:
        terminated = {"exitCode": code, "reason": reason, "startedAt": started_at, "finishedAt": now()}
        terminated |= {"containerID": self.view.container_id}
        if message:
            terminated["message"] = message
        self.view.state = {"terminated": terminated}
        self.view.ready = self.view.started = False
        self._publish()

    def _wait_state(self, reason: str, message: str) -> None:
        self.view.state = waiting(reason, message)
        self._publish()

    def _warn(self, reason: str, message: str) -> None:
        self._node.recorder.warning(PODS, self._pod, reason, message)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    @staticmethod
    async def _first(*waits: Awaitable[Any]) -> None:
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def stop(self, grace_seconds: float) -> None:
        """End it: preStop, SIGTERM, and SIGKILL after the grace period."""
        self._stop.set()
        deadline = time.monotonic() + grace_seconds
        if self._process is None:
            return
        message = f"Stopping container {self.view.name}"
        self._node.recorder.normal(PODS, self._pod, "Killing", message)
        hook = ((self.spec.get("lifecycle") or {}).get("preStop") or {}).get("exec")
        if hook:
            await self._exec(hook["command"], grace_seconds)
        if self._process is not None:
            await self._process.end(max(deadline - time.monotonic(), 0.0))

    def halt(self) -> None:
        """Start nothing again."""
        self._stop.set()

    def kill(self) -> None:
        """End it at once."""
        self.halt()
        if self._process is not None:
            self._process.kill()
