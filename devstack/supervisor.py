"""The one parent of every process of the stack; when it ends, or is told to, none of them is left.

It is started in a session of its own, so that no Ctrl-C reaches it, with a pipe from the command that started it. When
that pipe closes, however the command ended, it stops everything, unless it was told "detach" before. It is the reaper
of all orphans below it: nothing that a part starts can leave the family, whatever sessions it makes.

Rule: standard library only and a single thread, so that it is there within a moment and can fork safely.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from devstack.layout import Layout
from devstack.part import Part
from devstack.private_file import read_json, write_private
from devstack.processes import Process, become_subreaper, boot_id, descendants, die_with_parent

DETACH = b"detach\n"
_TICK_SECONDS = 0.2
_LAST_RESORT_SECONDS = 5.0


class Supervisor:
    """Starts the parts, watches them and the pipe, and ends the whole family."""

    def __init__(self, layout: Layout, parts: list[Part], lifeline: int) -> None:
        self._layout = layout
        self._waiting = {part.name: part for part in parts}
        self._parts = dict(self._waiting)
        self._running: dict[int, str] = {}
        self._ended_well: set[str] = set()
        self._leaders: dict[str, Process] = {}
        self._lifeline: int | None = lifeline
        self._stopping = False
        self._started_at = time.monotonic()
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Until the pipe closes, a signal asks to stop, or a part ends that should not."""
        self._listen()
        try:
            while not self._stopping:
                self._start_what_can_start()
                self._selector_wait()
                self._reap()
        finally:
            self._end_family()

    def _listen(self) -> None:
        """Wake up for signals and for the pipe."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._selector.register(reading, selectors.EVENT_READ, "signal")
        if self._lifeline is not None:
            self._selector.register(self._lifeline, selectors.EVENT_READ, "lifeline")

    def _ask_to_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _selector_wait(self) -> None:
        for key, _events in self._selector.select(_TICK_SECONDS):
            data = os.read(key.fd, 4096)
            if key.data == "lifeline":
                self._read_lifeline(data)

    def _read_lifeline(self, data: bytes) -> None:
        if not data:
            self._stopping = True
        if not data or DETACH in data:
            self._close_lifeline()

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            self._selector.unregister(self._lifeline)
            os.close(self._lifeline)
            self._lifeline = None

    def _start_what_can_start(self) -> None:
        elapsed = time.monotonic() - self._started_at
        for part in list(self._waiting.values()):
            if elapsed >= part.delay_seconds and set(part.after) <= self._ended_well:
                del self._waiting[part.name]
                self._start(part)

    def _start(self, part: Part) -> None:
        """Start one part as the leader of its own session, with its output in its log file."""
        part.log.parent.mkdir(parents=True, exist_ok=True)
        with part.log.open("wb") as log:
            child = subprocess.Popen(
                part.command,
                env=part.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._layout.repository,
                start_new_session=True,
                preexec_fn=_end_with_supervisor,  # noqa: PLW1509 - this process has one thread
            )
        self._running[child.pid] = part.name
        process = Process.of(child.pid)
        if process is not None:
            self._leaders[part.name] = process
        self._publish()

    def _publish(self) -> None:
        """Say who is here, so that `down` finds what is left even if this process was killed."""
        me = Process.of(os.getpid())
        parts = {name: [leader.pid, leader.started] for name, leader in self._leaders.items()}
        record = {"boot": boot_id(), "supervisor": [me.pid, me.started] if me else None, "parts": parts}
        write_private(self._layout.processes, record)

    def _reap(self) -> None:
        """Collect ended children; an ended part that had to stay ends the stack, with a note that says why."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                name = self._running.pop(pid, None)
                if name is not None:
                    self._part_ended(name, os.waitstatus_to_exitcode(status))

    def _part_ended(self, name: str, code: int) -> None:
        if self._stopping:
            return
        if self._parts[name].once and code == 0:
            self._ended_well.add(name)
            return
        self._stopping = True
        write_private(self._layout.ending, {"part": name, "code": code, "log": str(self._parts[name].log)})

    def _end_family(self) -> None:
        """TERM to each part's process group, KILL to whoever is late, until nobody is left."""
        self._close_lifeline()
        for process in self._leaders.values():
            if process.alive:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        asked_at = time.monotonic()
        limits = {name: part.stop_seconds for name, part in self._parts.items()}
        while descendants(os.getpid()):
            self._selector.select(_TICK_SECONDS / 4)
            _drain(self._selector)
            self._reap()
            late = time.monotonic() - asked_at
            overdue = [process for pid, process in self._leading() if late > limits[self._running[pid]]]
            for process in overdue:
                _kill(process, *descendants(process.pid))
            if not self._running or late > max(limits.values()) + _LAST_RESORT_SECONDS:
                _kill(*descendants(os.getpid()))

    def _leading(self) -> list[tuple[int, Process]]:
        return [(pid, self._leaders[name]) for pid, name in self._running.items() if name in self._leaders]


def _end_with_supervisor() -> None:
    """In a new part, before its program starts: end if the supervisor itself is killed."""
    die_with_parent(signal.SIGTERM)


def _kill(*processes: Process) -> None:
    for process in processes:
        process.signal(signal.SIGKILL)


def _drain(selector: selectors.BaseSelector) -> None:
    for key, _events in selector.select(0):
        if key.data == "signal":
            with suppress(BlockingIOError):
                os.read(key.fd, 4096)


def main() -> int:
    """`python -m devstack.supervisor STATE`: run the plan in that folder; 3 if a stack is running there already."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    layout = Layout(state=Path(sys.argv[1]))
    lock = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    become_subreaper()
    layout.ending.unlink(missing_ok=True)
    plan = read_json(layout.plan)
    supervisor = Supervisor(layout, [Part.from_json(values) for values in plan["parts"]], sys.stdin.fileno())
    supervisor.run()
    for leftover in (layout.processes, layout.endpoints, layout.plan):
        leftover.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
