"""The two ways in which a command works on items: run for each, or started once and asked line by line."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from typing import Final, Protocol

from kubejobs.errors import QueueError
from kubejobs.worker.answers import answer_of
from kubejobs.worker.command import Command
from kubejobs.worker.item import Item
from kubejobs.worker.line_program import LineProgram, ProgramError
from kubejobs.worker.options import RunnerOptions
from kubejobs.worker.out_of_memory import MemoryKills

FIRST_RESTART_SECONDS: Final = 0.1
LONGEST_RESTART_SECONDS: Final = 10.0
_NAP_SECONDS: Final = 0.1

IsStopping = Callable[[], bool]


class Mode(Protocol):
    """One session's way to work; its calls come from the session's thread but for `pass_sigterm`."""

    def work_on(self, item: Item) -> None:
        """Work on one item and say how it ends."""
        ...

    def pass_sigterm(self) -> None:
        """Tell the running command that the pod is to end."""
        ...

    def close(self) -> None:
        """Leave nothing running."""
        ...


def mode_of(options: RunnerOptions, is_stopping: IsStopping) -> Mode:
    """The mode that the options ask for."""
    return LinesMode(options, is_stopping) if options.lines else ItemMode(options, is_stopping)


class ItemMode:
    """One run of the command per item."""

    def __init__(self, options: RunnerOptions, is_stopping: IsStopping) -> None:
        self._options = options
        self._is_stopping = is_stopping
        self._command = Command(options.command, timeout_seconds=options.timeout_seconds)

    def work_on(self, item: Item) -> None:
        """Run the command."""
        try:
            end = self._command.run(item.value)
        except (OSError, ValueError) as error:
            item.fail(error)
            return
        if end.exit_code == 0 and not end.timed_out:
            if self._options.keeps_result and end.last_line:
                _keep_result(item, end.last_line)
        elif self._options.passes_sigterm and self._is_stopping():
            item.release()
        else:
            _fail(item, end.problem, retry=end.exit_code not in self._options.fail_codes, tail=end.tail, kind=end.kind)

    def pass_sigterm(self) -> None:
        """Pass it to the command that runs."""
        self._command.pass_signal(signal.SIGTERM)

    def close(self) -> None:
        """No command outlives its item."""


class LinesMode:
    """One long-lived command; one that ends is started again, after a pause that grows while it answers nothing."""

    def __init__(
        self,
        options: RunnerOptions,
        is_stopping: IsStopping,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._options = options
        self._is_stopping = is_stopping
        self._sleep = sleep
        self._memory_kills = MemoryKills()
        self._program: LineProgram | None = None
        self._failures = 0
        self._passed = False

    def work_on(self, item: Item) -> None:
        """Ask the command."""
        try:
            program = self._running()
            if program is None:
                item.release()
                return
            answer = answer_of(program.ask(item.value, self._options.timeout_seconds))
            self._failures = 0
        except ProgramError as error:
            self._lost(item, error)
        except OSError as error:
            self._failures += 1
            item.fail(error)
        else:
            if answer.failure is not None:
                _fail(item, answer.failure, retry=answer.retry, tail=program.errors_so_far())
            elif self._options.keeps_result and answer.text:
                _keep_result(item, answer.text)

    def _lost(self, item: Item, error: ProgramError) -> None:
        self._program = None
        self._failures += 1
        if self._options.passes_sigterm and self._is_stopping():
            item.release()
        else:
            _fail(
                item,
                str(error),
                retry=error.exit_code not in self._options.fail_codes,
                tail=error.tail,
                kind=error.kind,
            )

    def _running(self) -> LineProgram | None:
        """The program, started if need be; None if the worker is to stop before it is."""
        if self._program is not None and self._program.has_ended():
            self._program.close()
            self._program = None
        if self._program is None:
            if not self._paused():
                return None
            self._program = LineProgram(self._options.command, self._memory_kills)
            if self._passed:  # it came while the command was being started
                self._program.pass_signal(signal.SIGTERM)
        return self._program

    def _paused(self) -> bool:
        """Wait before another start; False if the worker is to stop meanwhile."""
        left = FIRST_RESTART_SECONDS * 2.0 ** (self._failures - 1) if self._failures else 0.0
        left = min(left, LONGEST_RESTART_SECONDS)
        while left > 0 and not self._is_stopping():
            self._sleep(min(left, _NAP_SECONDS))
            left -= _NAP_SECONDS
        return not self._is_stopping()

    def pass_sigterm(self) -> None:
        """Pass it to the command."""
        self._passed = True
        program = self._program
        if program is not None:
            program.pass_signal(signal.SIGTERM)

    def close(self) -> None:
        """Let the command end."""
        if self._program is not None:
            self._program.close()
            self._program = None


def _keep_result(item: Item, text: str) -> None:
    """A result that can't be kept fails its item for good: trying again would give the same."""
    try:
        item.result(text)
    except QueueError as error:
        _fail(item, str(error), retry=False, tail="")


def _fail(item: Item, problem: str, *, retry: bool, tail: str, kind: str = "") -> None:
    item.fail(problem, retry=retry, tail=tail, kind=kind)
    sys.stderr.write(f"kubejobs-worker: {item.value!r:.200}: {problem}\n")
