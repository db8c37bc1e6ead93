"""A small client of Redis-compatible servers: one command, one reply.

Rule: the standard library only, and as little of it as will do: it is loaded twice in every pod, by the worker and by
its helper process. Nothing is sent again behind the caller's back, and a connection that failed is not used again.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from kubejobs.workqueue.resp import Connection, ReplyError, Word, encoded

CONNECT_TIMEOUT_SECONDS = 5.0
CALL_TIMEOUT_SECONDS = 15.0
"""Longer than any single script on a million items, shorter than a control loop's patience."""


class Wire:
    """A server, connected to at the first call and again after a failure.

    A host that begins with `/` is a Unix socket. A call waits `call_seconds` for its reply, and never twice as long,
    however slowly it comes. Threads may share it: each call has a connection for itself. A process that was forked
    connects anew.
    """

    def __init__(
        self,
        host: str,
        port: int = 6379,
        *,
        username: str | None = None,
        password: str | None = None,
        database: int = 0,
        tls: bool = False,
        connect_seconds: float = CONNECT_TIMEOUT_SECONDS,
        call_seconds: float = CALL_TIMEOUT_SECONDS,
    ) -> None:
        self._address = (host, port)
        self._credentials = (username, password or "") if username else (password,) if password else ()
        self._database = database
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._call_seconds = call_seconds
        self._idle: list[Connection] = []
        self._process = os.getpid()

    def call(self, *words: Word) -> Any:
        """The reply to one command: bytes, an int, None, or a list of these.

        Text is sent as UTF-8, and what `text_of` made of other bytes as those bytes; UnicodeEncodeError where that
        can't be. Raises OSError when the server can't be reached, is late or ends the connection, else ReplyError.
        """
        request = encoded(words)
        connection = self._take()
        try:
            reply = connection.exchange(request)
        except BaseException:  # an interruption too: the reply would be taken for that of the next call
            connection.close()
            raise
        self._idle.append(connection)
        return reply

    def run(self, sha: str, text: str, key: str, *arguments: Word) -> Any:
        """Run a script with one key: by its SHA-1, or by its text where the server does not know it (any more)."""
        try:
            return self.call("EVALSHA", sha, 1, key, *arguments)
        except ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return self.call("EVAL", text, 1, key, *arguments)

    def close(self) -> None:
        """End the connections that no call is using; a later call makes another."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection:
        if self._process != os.getpid():
            self._process = os.getpid()
            self.close()  # the parent goes on using its ends of them
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if not connection.has_ended():
                return connection
            connection.close()  # nothing was sent on it: this is no second try
        return self._open()

    def _open(self) -> Connection:
        connection = Connection(self._connected(), self._call_seconds)
        try:
            if self._credentials:
                self._authenticate(connection)
            if self._database:
                connection.exchange(encoded(("SELECT", self._database)))
        except BaseException:
            connection.close()
            raise
        return connection

    def _authenticate(self, connection: Connection) -> None:
        try:
            connection.exchange(encoded(("AUTH", *self._credentials)))
        except ReplyError as error:
            refusal = str(error)
        else:
            return
        if refusal.startswith("ERR ") and "max number of clients" not in refusal:
            # What the server says of a command that it does not know may repeat the password.
            refusal = "WRONGPASS the server does not take this user and password"
        raise ReplyError(refusal)

    def _connected(self) -> socket.socket:
        host = self._address[0]
        if host.startswith("/"):
            return self._connected_locally(host)
        plain = socket.create_connection(self._address, self._connect_seconds)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return _secured(plain, host) if self._tls else plain
        except BaseException:
            plain.close()
            raise

    def _connected_locally(self, path: str) -> socket.socket:
        unix = socket.socket(socket.AF_UNIX)
        try:
            unix.settimeout(self._connect_seconds)
            unix.connect(path)
        except BaseException:
            unix.close()
            raise
        return unix


def _secured(plain: socket.socket, host: str) -> socket.socket:
    import ssl  # noqa: PLC0415  # a few MB that most workers need not pay

    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
