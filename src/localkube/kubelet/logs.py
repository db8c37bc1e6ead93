"""The output of one run of a container: a file of lines `TIME F TEXT`, or `TIME P TEXT` for one without a newline."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

_READ_BYTES = 65_536
_FULL, _PARTIAL = b"F ", b"P "


def _stamp() -> bytes:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode()


class LogFile:
    """Filled from a pipe as the container writes; read from the file by anybody at any time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._partial = b""
        self._reader = -1
        self._grown = asyncio.Event()
        self.closed = asyncio.Event()

    def open_pipe(self) -> int:
        """The descriptor that the container writes to; whoever gets it closes it."""
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        asyncio.get_running_loop().add_reader(self._reader, self._read)
        return writer

    def _read(self) -> None:
        try:
            data = os.read(self._reader, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        if lines:
            stamp = _stamp()
            self._write(b"".join(stamp + _FULL + line + b"\n" for line in lines))
        if len(self._partial) > _READ_BYTES:
            self._flush_partial()

    def _flush_partial(self) -> None:
        if self._partial:
            self._write(_stamp() + _PARTIAL + self._partial + b"\n")
            self._partial = b""

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._wake()

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def close(self) -> None:
        """End the log; the container writes no more."""
        if self.closed.is_set():
            return
        if self._reader >= 0:
            asyncio.get_running_loop().remove_reader(self._reader)
            os.close(self._reader)
        self._flush_partial()
        self._file.close()
        self.closed.set()
        self._wake()

    def lines(self) -> list[bytes]:
        """All lines until now, each with its newline."""
        try:
            return self._path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []

    async def follow(self, start: int) -> AsyncIterator[list[bytes]]:
        """Batches of lines from byte `start` on, until the log is closed."""
        with self._path.open("rb") as stream:
            stream.seek(start)
            while True:
                grown, ended = self._grown, self.closed.is_set()
                lines = stream.readlines()
                if lines:
                    yield lines
                elif ended:
                    return
                else:
                    await grown.wait()
