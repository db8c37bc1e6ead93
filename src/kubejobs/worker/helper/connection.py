"""A connection to the queue's server that speaks the few Redis commands the helper needs."""

from __future__ import annotations

import socket
from typing import Any, BinaryIO

_CALL_SECONDS = 5.0


class RefusedError(Exception):
    """The server answered with an error."""


class Connection:
    """The server, connected to when first needed and again after a failure."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._socket: socket.socket | None = None
        self._replies: BinaryIO | None = None

    def call(self, *words: str) -> bytes:
        """Send one command; the reply's first line. Raises OSError or RefusedError."""
        try:
            if self._socket is None:
                self._connect()
            return self._exchange(*words)
        except (OSError, RefusedError):
            self.close()
            raise

    def _connect(self) -> None:
        host, port = self._config["host"], self._config["port"]
        if host.startswith("/"):
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(_CALL_SECONDS)
            plain.connect(host)
        else:
            plain = socket.create_connection((host, port), timeout=_CALL_SECONDS)
        self._socket = self._secured(plain, host) if self._config["tls"] else plain
        self._replies = self._socket.makefile("rb")
        if self._config["password"]:
            user = [self._config["username"]] if self._config["username"] else []
            self._exchange("AUTH", *user, self._config["password"])
        if self._config["database"]:
            self._exchange("SELECT", str(self._config["database"]))

    @staticmethod
    def _secured(plain: socket.socket, host: str) -> socket.socket:
        import ssl  # noqa: PLC0415  # a few MB that most helpers need not pay

        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)

    def _exchange(self, *words: str) -> bytes:
        if self._socket is None or self._replies is None:
            raise OSError("not connected")
        encoded = [word.encode("utf-8", "surrogateescape") for word in words]
        parts = [b"*%d\r\n" % len(encoded)] + [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
        self._socket.sendall(b"".join(parts))
        return self._reply()

    def _reply(self) -> bytes:
        """Read one whole reply; its last simple part."""
        if self._replies is None:
            raise OSError("not connected")
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the connection ended")
        kind, text = line[:1], line[1:-2]
        if kind == b"-":
            raise RefusedError(text.decode("utf-8", "replace"))
        if kind == b"$" and int(text) >= 0:
            text = self._replies.read(int(text) + 2)[:-2]
        elif kind == b"*":
            for _ in range(int(text)):
                text = self._reply()
        return text

    def close(self) -> None:
        """Forget the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._replies = None
