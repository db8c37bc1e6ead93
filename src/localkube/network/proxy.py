"""One TCP proxy: from a Service's address and port to a ready pod.

Rule: bytes are handed on as they come, at the pace of the slower side.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Callable

log = logging.getLogger(__name__)

Target = tuple[str, int]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Half(asyncio.Protocol):
    """One side of a proxied connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: _Half | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- a stream's transport, for the type checker
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        if self.peer and self.peer.transport and self.peer.transport.can_write_eof():
            self.peer.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer and self.peer.transport:
            if exc is not None:
                self.peer.transport.abort()
            else:
                self.peer.transport.close()
        self.peer = None

    def pause_writing(self) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.resume_reading()


class _Client(_Half):
    """The side of the one who called; the pod's side is opened when a call comes."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__()
        self._proxy = proxy
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.transport is not None:
            self.transport.pause_reading()
            self._proxy.connections.add(self)
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        targets = self._proxy.targets()
        random.shuffle(targets)
        loop = asyncio.get_running_loop()
        for host, port in targets:
            try:
                _, server = await loop.create_connection(_Half, host, port)
            except OSError:
                continue
            self._join(server)
            return
        self._refuse()

    def _join(self, server: _Half) -> None:
        if self.transport is None or self.transport.is_closing():
            if server.transport:
                server.transport.close()
            return
        self.peer, server.peer = server, self
        self.transport.resume_reading()

    def _refuse(self) -> None:
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._proxy.connections.discard(self)
        super().connection_lost(exc)


class Proxy:
    """Listens on one address and port; `targets` tells at each call who may answer it."""

    def __init__(self, address: str, port: int, targets: Callable[[], list[Target]]) -> None:
        self._address = address
        self._port = port
        self._server: asyncio.Server | None = None
        self.targets = targets
        self.connections: set[_Half] = set()

    async def open(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Client(self), self._address, self._port)
        except OSError as problem:
            # A port below 1024, or one that another program holds on every address: the Service stays unreachable.
            log.warning("the Service address %s:%d can't be used: %s", self._address, self._port, problem)

    def close(self) -> None:
        """Stop listening; connections go on until their ends close them."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def abort(self) -> None:
        """Stop listening and break every connection."""
        self.close()
        for connection in list(self.connections):
            if connection.transport:
                connection.transport.abort()
