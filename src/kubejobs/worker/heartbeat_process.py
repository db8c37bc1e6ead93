"""The helper process that renews a worker's lease; run by its path, standard library only.

A process of its own goes on while native code in the worker holds the interpreter's lock. It speaks the few Redis
commands itself, which keeps it at a fraction of the memory of a process with a client library, and reads which lease
to renew from memory shared with the worker, which costs the worker nothing an item.

Rule: it never outlives its worker: it ends when its standard input ends, or when it has another parent.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import socket
import sys
from typing import Any, BinaryIO

AREA_BYTES = 1024
_LENGTH_BYTES = 2
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


def write_lease(area: mmap.mmap, lease: str) -> None:
    """Say which lease is to be renewed; empty: none."""
    data = lease.encode("utf-8", "surrogateescape")
    area[: _LENGTH_BYTES + len(data)] = len(data).to_bytes(_LENGTH_BYTES, "big") + data


def read_lease(area: mmap.mmap) -> str:
    """The lease to renew. It is read until two readings agree, as the worker may be writing it."""
    before = None
    while (now := area[:AREA_BYTES]) != before:
        before = now
    length = int.from_bytes(now[:_LENGTH_BYTES], "big")
    return now[_LENGTH_BYTES : _LENGTH_BYTES + length].decode("utf-8", "surrogateescape")


def run(config: dict[str, Any], area: mmap.mmap) -> None:
    """Renew the lease in `area` every interval, until the worker is gone."""
    connection = Connection(config)
    worker = os.getppid()
    interval = float(config["interval_seconds"])
    while os.getppid() == worker:
        readable, _, _ = select.select([0], [], [], interval)
        if readable:
            return
        lease = read_lease(area)
        if not lease:
            continue
        try:
            connection.call("EVAL", config["script"], "1", config["base"], lease, str(config["lease_ms"]))
        except (OSError, RefusedError) as error:
            sys.stderr.write(f"kubejobs heartbeat: a lease was not renewed, trying again: {error}\n")
            sys.stderr.flush()


def main() -> None:
    """Read the configuration from standard input's first line, then renew until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the worker decides when this process ends
    with open(0, "rb", buffering=0, closefd=False) as first_line:  # unbuffered: what follows is the end alone
        config = json.loads(first_line.readline())
    with mmap.mmap(config["descriptor"], AREA_BYTES, prot=mmap.PROT_READ) as area:
        run(config, area)


if __name__ == "__main__":
    main()
