"""One command for one item: its arguments, its output, its end.

Rule: no process of an item outlives it: the command leads a process group, which is ended with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from kubejobs.worker.item import MAX_RESULT_BYTES, MAX_TAIL_CHARACTERS
from kubejobs.worker.out_of_memory import MemoryKills
from kubejobs.worker.tail import Tail

PLACEHOLDER: Final = "{item}"
ITEM_VARIABLE: Final = "KUBEJOBS_ITEM"
OUT_OF_MEMORY: Final = "OOMKilled"


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """How a command ended; `exit_code` is negative for a signal, as in subprocess.

    `tail` is the end of its standard error, or of its standard output where it wrote no error.
    """

    exit_code: int
    timed_out: bool = False
    out_of_memory: bool = False
    last_line: str = ""
    tail: str = ""

    @property
    def problem(self) -> str:
        """What went wrong, in a sentence."""
        if self.timed_out:
            return "the command took too long and was ended"
        if self.out_of_memory:
            return "killed: out of memory"
        if self.exit_code < 0:
            return f"the command was ended by signal {-self.exit_code} ({signal.strsignal(-self.exit_code)})"
        return f"the command ended with exit code {self.exit_code}"

    @property
    def kind(self) -> str:
        """A short name of the reason, where there is a better one than "Error"."""
        return OUT_OF_MEMORY if self.out_of_memory else ""


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
        memory_kills: MemoryKills | None = None,
    ) -> None:
        self._command = tuple(command)
        self._timeout_seconds = timeout_seconds
        self._environment = dict(os.environ if environment is None else environment)
        self._memory_kills = memory_kills or MemoryKills()
        self._process: subprocess.Popen[bytes] | None = None
        self._passed = 0

    def run(self, item: str) -> CommandEnd:
        """Run the command for one item; its output also goes to this process' own. Raises OSError if it can't start."""
        kills_before = self._memory_kills.count()
        process = subprocess.Popen(
            arguments_for(self._command, item),
            env=self._environment | {ITEM_VARIABLE: item},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        self._process = process
        if self._passed:  # it came while the command was being started
            process.send_signal(self._passed)
        if process.stdout is None or process.stderr is None:
            raise OSError("the command has no output pipes")
        output = Tail(process.stdout, sys.stdout.buffer, MAX_RESULT_BYTES)
        errors = Tail(process.stderr, sys.stderr.buffer, MAX_TAIL_CHARACTERS)
        timed_out = False
        try:
            process.wait(self._timeout_seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            self._process = None
            end_group(process)
        said, complained = output.text(), errors.text()
        return CommandEnd(
            process.returncode,
            timed_out,
            not timed_out and self._memory_kills.explains(process.returncode, kills_before),
            last_line=said.splitlines()[-1] if said else "",
            tail=complained if complained.strip() else said[-MAX_TAIL_CHARACTERS:],
        )

    def pass_signal(self, number: int) -> None:
        """Send a signal to the running command, or as soon as there is one. Safe in a signal handler."""
        self._passed = number
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(number)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program that leads a process group, with all that it left behind in it."""
    with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
