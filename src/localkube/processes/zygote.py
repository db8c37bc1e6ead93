"""The spawner's process: forks a supervisor for each container, in about a millisecond and with shared memory.

Rule: it lives exactly as long as its owner. When the control socket ends, by whatever death of the owner, it ends
every container and then itself. It reads orders (one JSON object a line) and writes reports (the same).
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from typing import Any

from localkube.processes import supervisor
from localkube.processes.linux import adopt_orphans
from localkube.processes.tree import children

_CHUNK_BYTES = 262_144
_MAX_DESCRIPTORS = 16


class Zygote:
    """The state of the spawner's process."""

    def __init__(self, control: socket.socket, report: int) -> None:
        self._control = control
        self._report = report
        self._supervisors: dict[int, int] = {}
        self._pids: dict[int, int] = {}
        self._descriptors: deque[int] = deque()
        self._buffer = b""
        self._wake_read, self._wake_write = os.pipe()
        self._ending = False

    def run(self) -> None:
        """Serve until the owner is gone, then end everything."""
        adopt_orphans()
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.freeze()
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(self._wake_read, select.POLLIN)
        while not self._ending:
            ready = {descriptor for descriptor, _ in poller.poll()}
            if self._wake_read in ready:
                with suppress(BlockingIOError):
                    os.read(self._wake_read, _CHUNK_BYTES)
                self._reap()
            if self._control.fileno() in ready:
                self._read_orders()
        self._end_all()

    def _end(self, *_: object) -> None:
        self._ending = True

    def _read_orders(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._control, _CHUNK_BYTES, _MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            self._ending = True
            return
        self._descriptors.extend(descriptors)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        if order["op"] == "start":
            self._start(order, self._descriptors.popleft())
        elif (pid := self._pids.get(order["id"])) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, supervisor.TERMINATE if order["op"] == "terminate" else supervisor.KILL)

    def _start(self, order: dict[str, Any], output: int) -> None:
        parent = os.getpid()
        # Blocked before the fork, so that no signal finds the supervisor before it waits for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.HANDLED)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self._forget()
                code = supervisor.supervise(order, output, self._report, parent)
            finally:
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, supervisor.HANDLED)
        os.close(output)
        self._supervisors[pid], self._pids[order["id"]] = order["id"], pid

    def _forget(self) -> None:
        """In the fork: close what belongs to the spawner."""
        signal.set_wakeup_fd(-1)
        self._control.close()
        for descriptor in (self._wake_read, self._wake_write, *self._descriptors):
            os.close(descriptor)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                identity = self._supervisors.pop(pid, None)
                self._end_strays()
                if identity is None:
                    continue
                del self._pids[identity]
                code = os.waitstatus_to_exitcode(status)
                self._tell({"id": identity, "event": "exited", "code": code if code >= 0 else 128 - code})

    def _end_strays(self) -> None:
        """Kill what a supervisor left, which happens only if it was killed itself; and then what that leaves."""
        for pid in children(os.getpid()):
            if pid not in self._supervisors:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _tell(self, report: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):
            os.write(self._report, json.dumps(report).encode() + b"\n")

    def _end_all(self) -> None:
        for pid in self._supervisors:
            with suppress(ProcessLookupError):
                os.kill(pid, supervisor.KILL)
        with suppress(ChildProcessError):
            while True:
                self._end_strays()
                pid, _ = os.waitpid(-1, 0)
                self._supervisors.pop(pid, None)


def main() -> None:
    """Run with the descriptors of the control socket and of the report pipe as the last two arguments."""
    control, report = (int(argument) for argument in sys.argv[-2:])
    os.set_inheritable(control, False)  # noqa: FBT003 -- the standard library's signature
    os.set_inheritable(report, False)  # noqa: FBT003 -- the standard library's signature
    Zygote(socket.socket(fileno=control), report).run()
