"""The port that the readiness probe of the worker's pod connects to: open while the worker takes items.

Rule: several processes of a pod may share the port, so it is closed only when each of them has closed it.
"""

from __future__ import annotations

import socket
import sys

_BACKLOG = 16


class Readiness:
    """Listens while ready; a probe's connection is accepted and closed."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._complained = False

    def fileno(self) -> int:
        """The descriptor that is readable when a probe has come; -1 while closed."""
        return self._socket.fileno() if self._socket else -1

    def set(self, *, ready: bool) -> None:
        """Open or close the port; one that can't be opened is tried again at the next call."""
        if not ready:
            self.close()
        elif self._socket is None:
            try:
                self._socket = self._listening()
            except OSError as error:
                self._complain(error)

    def _listening(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(self._address)
            listener.listen(_BACKLOG)
            listener.settimeout(0)
        except OSError:
            listener.close()
            raise
        return listener

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            host, port = self._address
            sys.stderr.write(f"kubejobs heartbeat: can't listen on {host}:{port} for the readiness probe: {error}\n")
            sys.stderr.flush()

    def answer(self) -> None:
        """Accept and close what has come."""
        while self._socket is not None:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return

    def close(self) -> None:
        """Close the port; a probe that was under way is still answered."""
        self.answer()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
