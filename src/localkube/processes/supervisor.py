"""One container's supervisor: starts its main process and sees that nothing of it is left behind.

Rule: it adopts every orphan of the container and ends only when the whole tree is gone. When its own parent dies
(SIGTERM by the kernel), the tree is killed.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from typing import Any

from localkube.processes.linux import adopt_orphans, die_with_parent
from localkube.processes.memory import MemoryGuard
from localkube.processes.throttle import Throttle
from localkube.processes.tree import children, descendants

TERMINATE = signal.SIGUSR1
"""Ask the container's main process to end."""
KILL = signal.SIGTERM
"""Kill the whole tree."""
HANDLED = {signal.SIGCHLD, TERMINATE, KILL}
START_FAILED = 128
"""Exit code of a container whose program can't be started, as container runtimes report it."""

_MESSAGE_LIMIT = 1000
_FOREVER_SECONDS = 3600.0


def supervise(order: dict[str, Any], output: int, report: int, parent: int) -> int:
    """Run a container to its end and return its exit code (128 + n for signal n).

    `order` has id, argv, env, cwd, cpu (cores, or None) and memory (bytes, or None); `output` takes stdout and stderr;
    one line on `report` tells how the start went, another one if it is killed for its memory. HANDLED must be blocked
    by the caller.
    """
    die_with_parent(KILL, parent)
    adopt_orphans()
    main, problem = _start(order, output)
    os.close(output)

    def tell(**event: Any) -> None:
        with suppress(BrokenPipeError):
            os.write(report, json.dumps({"id": order["id"], **event}).encode() + b"\n")

    if problem:
        tell(event="failed", message=problem[:_MESSAGE_LIMIT])
        return START_FAILED
    tell(event="started", pid=main)
    throttle = Throttle(order["cpu"]) if order["cpu"] else None
    guard = MemoryGuard(order["memory"], lambda: tell(event="out of memory")) if order["memory"] else None
    code = _watch(main, throttle, guard)
    end_tree()
    return code


def _start(order: dict[str, Any], output: int) -> tuple[int, str]:
    """Fork and exec; the pid, and what went wrong if the program could not be started."""
    ready, told = os.pipe()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become(order, output, supervisor)
        except BaseException as failure:  # noqa: BLE001 -- between fork and exec nothing may return to the caller
            os.write(told, f"{order['argv'][0]}: {failure}".encode()[:_MESSAGE_LIMIT])
        os._exit(START_FAILED)
    os.close(told)
    with os.fdopen(ready, "rb") as stream:
        problem = stream.read().decode(errors="replace")
    if problem:
        os.waitpid(pid, 0)
    return pid, problem


def _become(order: dict[str, Any], output: int, supervisor: int) -> None:
    os.setsid()
    die_with_parent(signal.SIGKILL, supervisor)
    # Python ignores SIGPIPE and SIGXFSZ, and ignored signals stay ignored across exec.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, *HANDLED):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.umask(0o022)
    os.chdir(order["cwd"])
    os.execvpe(order["argv"][0], order["argv"], order["env"])  # noqa: S606 -- no shell is wanted here


def _watch(main: int, throttle: Throttle | None, guard: MemoryGuard | None) -> int:
    """Wait for the main process, doing what signals ask for; its exit code."""
    while True:
        wait_seconds = min((one.step() for one in (throttle, guard) if one), default=_FOREVER_SECONDS)
        received = signal.sigtimedwait(HANDLED, wait_seconds)
        if received is None:
            continue
        if received.si_signo == TERMINATE:
            with suppress(ProcessLookupError):
                os.kill(main, signal.SIGTERM)
            if throttle:
                throttle.release()
        elif received.si_signo == KILL:
            _kill(descendants(os.getpid()))
        code = _reap(main)
        if code is not None:
            return code


def _reap(main: int) -> int | None:
    """Collect everything that has ended; the main process' exit code if it is among them."""
    found = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == main:
                code = os.waitstatus_to_exitcode(status)
                found = code if code >= 0 else 128 - code
    return found


def end_tree() -> None:
    """Kill every descendant and return when none is left."""
    with suppress(ChildProcessError):
        while True:
            # Children of the killed become our own, so this ends with the last of them.
            _kill(descendants(os.getpid()))
            _kill(children(os.getpid()))
            os.waitpid(-1, 0)


def _kill(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
