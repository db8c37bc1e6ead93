"""Version 2 of Redis' protocol (RESP2), over one open connection.

Rule: the standard library only, and as little of it as will do; a reply that is not whole is no reply.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import io
import select
import socket
import time
from typing import Any

_BUFFER_BYTES = 65_536
_TRUSTED_SECONDS = 0.01
"""How long a connection is taken for alive without a look at it, which would cost a fast loop a few percent."""
_LONG_LIST = 16
_LINE_END = b"\r\n"
_STATUS, _ERROR, _NUMBER, _TEXT, _LIST = b"+", b"-", b":", b"$", b"*"
_CUT = "the connection ended in the middle of a reply"

Word = str | int


class ReplyError(Exception):
    """The server answered with an error: its message, which begins with a code such as `NOSCRIPT`."""


class Connection:
    """One open connection; after any error it is out of step and must be closed."""

    def __init__(self, connected: socket.socket, call_seconds: float) -> None:
        connected.settimeout(call_seconds)
        self._socket = connected
        self._call_seconds = call_seconds
        self._incoming = _Incoming(connected)
        self._replies = io.BufferedReader(self._incoming, _BUFFER_BYTES)
        self._used_at = time.monotonic()

    def has_ended(self) -> bool:
        """Whether the server has closed it since it was last used, or sent what nobody asked for."""
        if time.monotonic() - self._used_at < _TRUSTED_SECONDS:
            return False
        look = select.poll()
        look.register(self._socket, select.POLLIN)
        return bool(look.poll(0))

    def exchange(self, request: bytes) -> Any:
        """Send a command and read its reply to the end."""
        self._used_at = time.monotonic()
        self._incoming.late_at = self._used_at + self._call_seconds
        self._socket.sendall(request)
        try:
            return self._reply(self._replies.readline())
        except ValueError as error:
            raise ConnectionError("the server's answer is not of Redis' protocol") from error

    def _reply(self, line: bytes) -> Any:
        """The reply that begins with this line."""
        if line[-2:] != _LINE_END:
            raise ConnectionError(_CUT)
        kind, rest = line[:1], line[1:-2]
        if kind == _STATUS:
            return rest
        if kind == _ERROR:
            raise ReplyError(rest.decode("utf-8", "replace"))
        number = int(rest)
        if kind == _NUMBER:
            return number
        if kind == _TEXT:
            return None if number < 0 else self._text(number)
        if kind == _LIST:
            return None if number < 0 else self._list(number)
        raise ValueError(f"no reply begins with {kind!r}")

    def _text(self, size: int) -> bytes:
        data = self._replies.read(size + 2)
        if len(data) != size + 2:
            raise ConnectionError(_CUT)
        return data[:-2]

    def _list(self, size: int) -> list[Any]:
        if size >= _LONG_LIST and (texts := self._buffered_texts(size)) is not None:
            return texts
        values: list[Any] = []
        readline, read = self._replies.readline, self._replies.read
        for _ in range(size):
            line = readline()
            # Most are texts: read here, without two more calls for each.
            if line[:1] == _TEXT and line[-1:] == b"\n" and (length := int(line[1:])) >= 0:
                data = read(length + 2)
                if len(data) != length + 2:
                    raise ConnectionError(_CUT)
                values.append(data[:-2])
            else:
                values.append(self._reply(line))
        return values

    def _buffered_texts(self, size: int) -> list[Any] | None:
        """A list, if it is of nothing but texts and has arrived whole: split in one go, at a third of the cost.

        Where each text is as long as the line before it says, the split is what reading one after another would give.
        """
        buffered = self._replies.peek()
        parts = buffered.split(_LINE_END, 2 * size)
        heads, texts = parts[:-1:2], parts[1:-1:2]
        if len(parts) != 2 * size + 1 or heads != [b"$%d" % len(text) for text in texts]:
            return None
        self._replies.read(len(buffered) - len(parts[-1]))
        return texts

    def close(self) -> None:
        """Give up the connection."""
        self._replies.close()
        self._socket.close()


class _Incoming(io.RawIOBase):
    """What a socket receives, until `late_at` by the steady clock. The socket's own limit is for each part of it."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self.late_at = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if time.monotonic() > self.late_at:
            raise TimeoutError("timed out in the middle of a reply")
        return self._source.recv_into(buffer)


def encoded(words: tuple[Word, ...]) -> bytes:
    """A command as it is sent."""
    texts = [str(word) for word in words]
    request = "".join([f"*{len(texts)}\r\n", *[f"${len(text)}\r\n{text}\r\n" for text in texts]])
    if request.isascii():  # as most are: as many bytes as letters
        return request.encode()
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    return b"*%d\r\n%b" % (len(encoded), b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded]))


def text_of(value: bytes | str) -> str:
    """A reply as text; bytes that are not UTF-8 survive a round trip."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
