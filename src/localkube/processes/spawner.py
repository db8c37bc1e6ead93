"""The owner's side of the spawner: start processes, signal them, hear how they end.

Rule: nothing started here outlives `close`, or the death of this process by any signal.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localkube.errors import LocalKubeError

_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from localkube.processes.zygote import main; main()"
_SOURCE = Path(__file__).parents[2]
_GRACE_SECONDS = 2.0
_READ_BYTES = 65_536


class StartError(Exception):
    """A program could not be started; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process tree may use; None: as much as it likes."""

    cpu_cores: float | None = None
    memory_bytes: float | None = None


NO_LIMITS = Limits()


class Process:
    """One started process tree; `out_of_memory` once it was killed for using more than its limit."""

    def __init__(self, spawner: Spawner, identity: int) -> None:
        self._spawner = spawner
        self._identity = identity
        self.out_of_memory = False
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[int] = loop.create_future()
        self.exited: asyncio.Future[int] = loop.create_future()

    def terminate(self) -> None:
        """Send SIGTERM to the main process (and let it run, if it was stopped)."""
        self._spawner.order(self._identity, "terminate")

    def kill(self) -> None:
        """Kill the whole tree."""
        self._spawner.order(self._identity, "kill")

    async def wait(self) -> int:
        """The exit code, 128 + n for signal n, when nothing of the tree is left."""
        return await asyncio.shield(self.exited)

    async def end(self, grace_seconds: float) -> int:
        """SIGTERM, then SIGKILL for the tree after the grace; the exit code."""
        self.terminate()
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.wait(), grace_seconds)
        self.kill()
        return await self.wait()


class Spawner:
    """Starts process trees through one helper process."""

    def __init__(self) -> None:
        self._processes: dict[int, Process] = {}
        self._count = 0
        self._buffer = b""
        self._helper: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._reports = -1

    async def start(self) -> None:
        """Start the helper process."""
        self._control, theirs = socket.socketpair()
        self._reports, report = os.pipe()
        os.set_blocking(self._reports, False)
        command = [sys.executable, "-I", "-S", "-c", _CODE, str(_SOURCE), str(theirs.fileno()), str(report)]
        self._helper = subprocess.Popen(  # noqa: ASYNC220 -- fork and exec take a few milliseconds, once
            command,
            pass_fds=(theirs.fileno(), report),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        os.close(report)
        asyncio.get_running_loop().add_reader(self._reports, self._read_reports)

    async def spawn(
        self, argv: list[str], env: dict[str, str], cwd: Path, output: int, limits: Limits = NO_LIMITS
    ) -> Process:
        """Start a program with its output to the descriptor `output`, which this call takes over.

        StartError if it can't be started.
        """
        self._count += 1
        process = self._processes[self._count] = Process(self, self._count)
        order = {"op": "start", "id": self._count, "argv": argv, "env": env, "cwd": str(cwd)}
        order |= {"cpu": limits.cpu_cores, "memory": limits.memory_bytes}
        try:
            self._send(order, [output])
        finally:
            os.close(output)
        try:
            await asyncio.shield(process.started)
        except asyncio.CancelledError:
            process.kill()
            raise
        return process

    def order(self, identity: int, verb: str) -> None:
        """Ask for a signal to a process; nothing happens if it has ended."""
        if identity in self._processes:
            self._send({"op": verb, "id": identity}, [])

    def _send(self, order: dict[str, Any], descriptors: list[int]) -> None:
        if self._control is None:
            raise LocalKubeError("the process spawner is not running; it can't start or signal a container")
        data = json.dumps(order).encode() + b"\n"
        try:
            sent = socket.send_fds(self._control, [data], descriptors) if descriptors else self._control.send(data)
            self._control.sendall(data[sent:])
        except OSError as problem:
            raise LocalKubeError(f"the process spawner has died ({problem}); start the cluster again") from problem

    def _read_reports(self) -> None:
        data = os.read(self._reports, _READ_BYTES)
        if not data:
            asyncio.get_running_loop().remove_reader(self._reports)
            self._lost()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._report(json.loads(line))

    def _report(self, report: dict[str, Any]) -> None:
        process = self._processes[report["id"]]
        match report["event"]:
            case "started":
                process.started.set_result(report["pid"])
            case "failed":
                process.started.set_exception(StartError(report["message"]))
            case "out of memory":
                process.out_of_memory = True
            case "exited":
                del self._processes[report["id"]]
                if not process.started.done():
                    process.started.set_exception(StartError("the supervisor ended before the program began"))
                process.exited.set_result(report["code"])

    def _lost(self) -> None:
        """The helper is gone, and with it every process."""
        for process in self._processes.values():
            if not process.started.done():
                process.started.set_exception(StartError("the process spawner has ended"))
            process.exited.set_result(128 + signal.SIGKILL)
        self._processes.clear()

    async def close(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """End every process, politely first, and the helper."""
        if self._helper is None or self._control is None:
            return
        running = list(self._processes.values())
        if running:
            await asyncio.gather(*(process.end(grace_seconds) for process in running), return_exceptions=True)
        self._control.close()
        self._control = None
        await asyncio.to_thread(self._helper.wait)
        asyncio.get_running_loop().remove_reader(self._reports)
        os.close(self._reports)
        self._lost()
