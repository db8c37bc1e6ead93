"""A program's output stream: passed on to this process' own, its end kept."""

from __future__ import annotations

import threading
from typing import IO, BinaryIO, Final

_COPY_BYTES: Final = 65_536
_DRAIN_SECONDS: Final = 1.0
"""How long a stream may go on after its program: something else may have inherited it."""


class Tail:
    """Copies a stream in a thread and keeps its last bytes, in flat memory."""

    def __init__(self, source: IO[bytes], target: BinaryIO, keep_bytes: int) -> None:
        self._descriptor_file = source
        self._target = target
        self._keep_bytes = keep_bytes
        self._data = b""
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        with self._descriptor_file as source:
            while data := source.read1(_COPY_BYTES):  # type: ignore[attr-defined]  # pipes of subprocess are buffered
                self._target.write(data)
                self._target.flush()
                self._data = (self._data + data)[-self._keep_bytes :]

    def forget(self) -> None:
        """Keep only what comes from now on."""
        self._data = b""

    def so_far(self) -> str:
        """The end of what has come."""
        return self._data.decode("utf-8", "replace")

    def text(self) -> str:
        """The end of the whole stream of a program that has ended."""
        self._thread.join(_DRAIN_SECONDS)
        return self.so_far()
