"""The queue server of this folder's tests, and one that answers as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from support.queue_fixtures import address, keys, queue, raw, valkey

__all__ = ["ScriptedServer", "address", "keys", "queue", "raw", "scripted", "valkey"]

Step = bytes | Callable[[], bytes]
SILENCE = b""
"""A step without an answer: the connection stays open until the client gives it up."""


class ScriptedServer:
    """Answers the commands of each connection with the next step of its script, then closes it.

    `scripts` has the connections' steps in the order in which they come; a connection beyond them is closed at once.
    `commands` has what was received, a list for each connection.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.scripts: list[list[Step]] = []
        self.commands: list[list[list[bytes]]] = []
        self._listener = listener
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """The port on loopback."""
        return int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number = len(self.commands)
            self.commands.append([])
            steps = self.scripts[number] if number < len(self.scripts) else []
            thread = threading.Thread(target=self._serve, args=(connection, steps, self.commands[number]))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, steps: list[Step], received: list[list[bytes]]) -> None:
        with connection, connection.makefile("rb") as incoming, suppress(OSError):
            for step in steps:
                head = incoming.readline()
                if not head:
                    return
                received.append([incoming.read(int(incoming.readline()[1:]) + 2)[:-2] for _ in range(int(head[1:]))])
                answer = step() if callable(step) else step
                if answer == SILENCE:
                    incoming.readline()
                    return
                connection.sendall(answer)

    def close(self) -> None:
        """End with all threads; the clients must have ended theirs."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for thread in self._threads[1:]:
            thread.join()


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    """A server that answers as it is told."""
    server = ScriptedServer(socket.create_server(("127.0.0.1", 0)))
    yield server
    server.close()
