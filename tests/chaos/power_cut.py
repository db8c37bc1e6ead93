"""The loss of a node whose kernel had not written everything to disk: a killed server whose file loses its end.

A `kill -9` of the server alone loses nothing that the kernel has, so it can't show what `appendfsync everysec` risks.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Self

from support.valkey import ValkeyServer

_PAUSE_SECONDS = 0.005


class PowerCut:
    """Follows, for the block, how long the server's append-only file is, and can take its last seconds away."""

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._sizes: list[tuple[float, Path, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(_PAUSE_SECONDS):
            now, path = time.monotonic(), self._file()
            self._sizes.append((now, path, path.stat().st_size))

    def _file(self) -> Path:
        return max(self._server.folder.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime)

    def strike(self, lost_seconds: float) -> int:
        """Kill the server and start it with what it had written until `lost_seconds` before; returns the bytes lost."""
        self._server.kill()
        until = time.monotonic() - lost_seconds
        path = self._file()
        kept = max((size for at, file, size in self._sizes if at <= until and file == path), default=0)
        lost = path.stat().st_size - kept
        os.truncate(path, kept)
        self._sizes = [(0.0, path, kept)]  # this much has survived
        self._server.start()
        return lost
