"""One command for one item: its arguments, its output, its end.

Rule: no process of an item outlives it: the command leads a process group, which is ended with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from kubejobs.worker.item import MAX_RESULT_BYTES, MAX_TAIL_CHARACTERS

PLACEHOLDER: Final = "{item}"
ITEM_VARIABLE: Final = "KUBEJOBS_ITEM"
_COPY_BYTES: Final = 65_536
_DRAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """How a command ended; `exit_code` is negative for a signal, as in subprocess."""

    exit_code: int
    timed_out: bool
    last_line: str
    error_tail: str

    @property
    def problem(self) -> str:
        """What went wrong, in a sentence."""
        if self.timed_out:
            return "the command took too long and was ended"
        if self.exit_code < 0:
            return f"the command was ended by signal {-self.exit_code} ({signal.strsignal(-self.exit_code)})"
        return f"the command ended with exit code {self.exit_code}"


def arguments_for(command: Sequence[str], item: str) -> list[str]:
    """The command with `{item}` replaced in every argument; without a placeholder the item is the last argument."""
    if any(PLACEHOLDER in word for word in command):
        return [word.replace(PLACEHOLDER, item) for word in command]
    return [*command, item]


class Command:
    """Runs one program per item, one at a time."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        timeout_seconds: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = tuple(command)
        self._timeout_seconds = timeout_seconds
        self._environment = dict(os.environ if environment is None else environment)
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, item: str) -> CommandEnd:
        """Run the command for one item; its output also goes to this process' own. Raises OSError if it can't start."""
        process = subprocess.Popen(
            arguments_for(self._command, item),
            env=self._environment | {ITEM_VARIABLE: item},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        self._process = process
        if process.stdout is None or process.stderr is None:
            raise OSError("the command has no output pipes")
        output = _Tail(process.stdout, sys.stdout.buffer, MAX_RESULT_BYTES)
        errors = _Tail(process.stderr, sys.stderr.buffer, MAX_TAIL_CHARACTERS)
        timed_out = False
        try:
            process.wait(self._timeout_seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            self._process = None
            _end_group(process)
        return CommandEnd(process.returncode, timed_out, output.last_line(), errors.text())

    def pass_signal(self, number: int) -> None:
        """Send a signal to the running command, if there is one."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(number)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Tail:
    """Copies a stream and keeps its end, in flat memory."""

    def __init__(self, source: BinaryIO | object, target: BinaryIO, keep_bytes: int) -> None:
        self._source: BinaryIO = source  # type: ignore[assignment]
        self._target = target
        self._keep_bytes = keep_bytes
        self._data = b""
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        with self._source:
            while data := self._source.read1(_COPY_BYTES):  # type: ignore[attr-defined]
                self._target.write(data)
                self._target.flush()
                self._data = (self._data + data)[-self._keep_bytes :]

    def text(self) -> str:
        self._thread.join(_DRAIN_SECONDS)
        return self._data.decode("utf-8", "replace")

    def last_line(self) -> str:
        lines = self.text().splitlines()
        return lines[-1] if lines else ""
