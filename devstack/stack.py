"""A running stack as a command sees it: start it, find it, keep it, stop it.

Rule: this process holds the pipe to the supervisor and nothing else; it starts no part, and kills parts only when their
supervisor itself is gone.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from devstack.errors import StackError, last_lines
from devstack.interruption import Interruption
from devstack.layout import Layout
from devstack.part import Part
from devstack.private_file import read_json, write_private
from devstack.processes import Process, boot_id, of_sessions
from devstack.supervisor import DETACH

_STOP_SECONDS = 25.0
_POLL_SECONDS = 0.05


class Stack:
    """The stack that this command started."""

    def __init__(self, layout: Layout, supervisor: subprocess.Popen[bytes]) -> None:
        self._layout = layout
        self._supervisor = supervisor
        self._ours = True
        # However this process ends, it does not end before the stack has (unless it can't: then the pipe closes).
        atexit.register(self.stop)

    @classmethod
    def start(
        cls,
        layout: Layout,
        parts: Sequence[Part],
        interruption: Interruption,
        prepare: Callable[[], None] = lambda: None,
    ) -> Stack:
        """Start the supervisor with these parts.

        Whatever an earlier, killed one has left is ended first; then `prepare` may change the stack's state on disk.
        """
        end_leftovers(layout)
        prepare()
        write_private(layout.plan, {"parts": [part.to_json() for part in parts]})
        with interruption.held(), (layout.logs / "supervisor.log").open("wb") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "devstack.supervisor", str(layout.state)],
                cwd=layout.repository,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            return cls(layout, supervisor)

    def check(self) -> None:
        """StackError if the stack has ended, with the part that died, its exit code and its last words."""
        code = self._supervisor.poll()
        if code is None:
            return
        ending = read_json(self._layout.ending)
        if ending is None:
            log = self._layout.logs / "supervisor.log"
            raise StackError(f"the supervisor ended with exit code {code}; {log} says:\n{last_lines(log)}")
        log = Path(ending["log"])
        raise StackError(
            f"{ending['part']} ended unexpectedly with exit code {ending['code']}; "
            f"the end of its log, {log}:\n{last_lines(log)}"
        )

    def detach(self) -> None:
        """Let the stack go on without this command."""
        pipe = self._supervisor.stdin
        if pipe is not None:
            pipe.write(DETACH)
            pipe.close()
            self._ours = False

    def stop(self) -> None:
        """Stop everything and return when no process is left; a detached stack goes on, a stopped one stays so."""
        if not self._ours:
            return
        self._ours = False
        if self._supervisor.stdin is not None:
            with suppress(OSError):
                self._supervisor.stdin.close()
        try:
            self._supervisor.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        end_leftovers(self._layout)


def is_running(layout: Layout) -> bool:
    """Whether a supervisor holds the lock of this folder."""
    try:
        descriptor = os.open(layout.lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def stop_running(layout: Layout) -> bool:
    """Stop the stack that runs in this folder, whoever started it; False if there was none."""
    was_running = is_running(layout)
    supervisor = _recorded(layout)[0]
    if was_running and supervisor is not None:
        supervisor.signal(signal.SIGTERM)
        _wait_until_ended(supervisor)
    return end_leftovers(layout) > 0 or was_running


def end_leftovers(layout: Layout) -> int:
    """End what a killed supervisor has left behind; how many processes that were. A running stack is not touched."""
    if is_running(layout):
        raise StackError(f"a stack is running in {layout.state}; stop it with `make down`")
    parts = _recorded(layout)[1]
    found = of_sessions(parts)
    for process in found:
        process.signal(signal.SIGKILL)
    while of_sessions(parts):
        time.sleep(_POLL_SECONDS)
    layout.processes.unlink(missing_ok=True)
    layout.endpoints.unlink(missing_ok=True)
    return len(found)


def _recorded(layout: Layout) -> tuple[Process | None, list[Process]]:
    """The supervisor and the parts' leaders as the supervisor has written them down."""
    record = read_json(layout.processes)
    if record is None or record["boot"] != boot_id():
        return None, []
    supervisor = Process(*record["supervisor"]) if record.get("supervisor") else None
    return supervisor, [Process(*entry) for entry in record["parts"].values()]


def _wait_until_ended(supervisor: Process) -> None:
    give_up_at = time.monotonic() + _STOP_SECONDS
    while supervisor.alive and time.monotonic() < give_up_at:
        time.sleep(_POLL_SECONDS)
    supervisor.signal(signal.SIGKILL)
    while supervisor.alive:
        time.sleep(_POLL_SECONDS)
