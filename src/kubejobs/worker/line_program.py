"""A program that reads items from its standard input, one a line, and answers each with one line on its output.

Rule: one question at a time, and whatever breaks that order ends the program: no answer is ever taken for another
item's.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from kubejobs.worker.command import CommandEnd, end_group
from kubejobs.worker.item import MAX_TAIL_CHARACTERS
from kubejobs.worker.out_of_memory import MemoryKills
from kubejobs.worker.tail import Tail

MAX_ANSWER_BYTES: Final = 1_048_576
END_SECONDS: Final = 5.0
"""How long a program may take to end once its input has ended."""
_READ_BYTES: Final = 65_536
_CLOSE_SECONDS: Final = 1.0


class ProgramError(Exception):
    """The program gave no proper answer and has been ended.

    `exit_code` is set where it ended by itself; `kind` is a short name of the reason.
    """

    def __init__(self, message: str, *, kind: str = "", tail: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.tail = tail
        self.exit_code = exit_code


class LineProgram:
    """One running program. Raises OSError if it can't be started."""

    def __init__(self, command: Sequence[str], memory_kills: MemoryKills) -> None:
        self._memory_kills = memory_kills
        self._kills_before = memory_kills.count()
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=pipe, process_group=0)
        if self._process.stdin is None or self._process.stdout is None or self._process.stderr is None:
            raise OSError("the command has no pipes")
        self._input, self._output = self._process.stdin, self._process.stdout
        for stream in (self._input, self._output):
            os.set_blocking(stream.fileno(), False)
        self._errors = Tail(self._process.stderr, sys.stderr.buffer, MAX_TAIL_CHARACTERS)
        self._has_answered = False

    def has_ended(self) -> bool:
        """Whether it has ended, or closed its output, between two questions. Raises ProgramError for unasked words."""
        try:
            words = os.read(self._output.fileno(), _READ_BYTES)
        except BlockingIOError:
            return self._process.poll() is not None
        if words:
            raise self._broken("it wrote a line for which there was no item", words)
        return True

    def ask(self, line: str, timeout_seconds: float | None = None) -> str:
        """The answer to one line, without its end. Raises ProgramError, after which there is no program."""
        if self._has_answered:  # what it wrote while it started explains why it can't
            self._errors.forget()
        unsent = memoryview(line.encode("utf-8", "surrogateescape") + b"\n")
        answer = bytearray()
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._input, selectors.EVENT_WRITE)
            while not answer.endswith(b"\n"):
                ready = selector.select(None if deadline is None else max(deadline - time.monotonic(), 0))
                if not ready:
                    raise self._failed(CommandEnd(self._ended(), timed_out=True, tail=self._errors.text()))
                for key, _ in ready:
                    if key.fileobj is self._output:
                        self._receive(answer)
                        continue
                    unsent = self._send(unsent)
                    if not unsent:
                        selector.unregister(self._input)
        text = bytes(answer[:-1])
        if b"\n" in text or unsent:
            raise self._broken("it answered an item with more than one line", text)
        self._has_answered = True
        return text.removesuffix(b"\r").decode("utf-8", "surrogateescape")

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._input.fileno(), unsent) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:
            raise self._ended_by_itself() from None

    def _receive(self, answer: bytearray) -> None:
        data = os.read(self._output.fileno(), _READ_BYTES)
        if not data:
            raise self._ended_by_itself()
        answer += data
        if len(answer) > MAX_ANSWER_BYTES:
            raise self._broken(f"it answered with more than {MAX_ANSWER_BYTES} bytes", bytes(answer))

    def _broken(self, what: str, words: bytes) -> ProgramError:
        self._ended()
        start = words[:80].decode("utf-8", "replace")
        return ProgramError(
            f"the command was ended, as {what}: {start!r}; its standard output must carry one line an item",
            tail=self._errors.text(),
        )

    def _ended_by_itself(self) -> ProgramError:
        try:
            code = self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._ended()
            return ProgramError("the command closed its output and was ended", tail=self._errors.text())
        self._ended()
        out_of_memory = self._memory_kills.explains(code, self._kills_before)
        return self._failed(CommandEnd(code, out_of_memory=out_of_memory, tail=self._errors.text()), exit_code=code)

    @staticmethod
    def _failed(end: CommandEnd, exit_code: int | None = None) -> ProgramError:
        return ProgramError(end.problem, kind=end.kind, tail=end.tail, exit_code=exit_code)

    def _ended(self) -> int:
        end_group(self._process)
        self._input.close()
        self._output.close()
        return self._process.returncode

    def errors_so_far(self) -> str:
        """The end of what it has written to standard error since the last question."""
        return self._errors.so_far()

    def pass_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def close(self) -> None:
        """Let it end by ending its input; one that does not, is ended."""
        if self._input.closed:
            return
        self._input.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._ended()
