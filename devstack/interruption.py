"""Ctrl-C and its relatives, once: the first one raises Interrupted, later ones change nothing.

Rule: whoever is interrupted cleans up in peace; a second Ctrl-C can't break the cleaning up.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.processes import die_with_parent

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The user, or whoever started this command, asked it to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Interruption:
    """Turns the first signal into Interrupted, at once or at the end of a `held` section."""

    def __init__(self) -> None:
        self._holding = 0
        self._number: int | None = None
        self._raised = False

    def install(self) -> None:
        """Take over the signals; under make, also end when make is killed."""
        for number in _SIGNALS:
            signal.signal(number, self._receive)
        if "MAKELEVEL" in os.environ:
            die_with_parent(signal.SIGTERM)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A section that is finished before Interrupted is raised."""
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
        self._raise_if_due()

    def silence(self) -> None:
        """From here on nothing interrupts: everything that is left is cleaning up."""
        self._raised = True

    def _receive(self, number: int, _frame: object) -> None:
        if self._number is not None or self._raised:
            print("\nstopping already; a moment …", file=sys.stderr, flush=True)
            return
        self._number = number
        print("\nstopping …", file=sys.stderr, flush=True)
        self._raise_if_due()

    def _raise_if_due(self) -> None:
        if self._number is not None and not self._raised and not self._holding:
            self._raised = True
            raise Interrupted(self._number)
