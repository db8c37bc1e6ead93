"""A TCP proxy on loopback that cuts connections at random bytes, of requests and of replies.

Rule: no thread and no socket outlives the block.
"""

from __future__ import annotations

import random
import select
import socket
import threading
from contextlib import suppress
from typing import Self

_CHUNK_BYTES = 65_536


class CuttingProxy:
    """Forwards to `target`, a port on loopback.

    Each piece of data that arrives has the chance `cut` to be the last of its connection; then a random part of it,
    maybe nothing, still goes on.
    """

    def __init__(self, target: int, *, cut: float, seed: int) -> None:
        self.cut_requests = self.cut_replies = 0
        self._target = target
        self._cut = cut
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        _shut(self._listener)  # ends accept
        self._threads[0].join()
        self._listener.close()
        with self._lock:
            for one in self._open:
                _shut(one)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as far:
            with self._lock:
                self._open |= {near, far}
            try:
                while self._forward(near, far):
                    pass
            finally:
                with self._lock:
                    self._open -= {near, far}

    def _forward(self, near: socket.socket, far: socket.socket) -> bool:
        """Pass on what is there; whether the connection goes on."""
        for source in select.select([near, far], [], [])[0]:
            data = source.recv(_CHUNK_BYTES)
            kept = self._kept(len(data), is_reply=source is far)
            (near if source is far else far).sendall(data[:kept])
            if not data or kept < len(data):
                return False
        return True

    def _kept(self, length: int, *, is_reply: bool) -> int:
        """How many bytes go on: all, or fewer and then the connection is over."""
        with self._lock:
            if not length or self._chance.random() >= self._cut:
                return length
            self.cut_replies += is_reply
            self.cut_requests += not is_reply
            return self._chance.randrange(length)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
