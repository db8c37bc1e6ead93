"""Turns with a server that may be away: asked again with growing pauses, as long as it makes sense."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from kubejobs.errors import QueueError, QueueLostError, QueueUnavailableError
from kubejobs.worker.ports import Leases
from kubejobs.workqueue.leasing import Turn

FIRST_WAIT_SECONDS: Final = 0.02
LONGEST_RECONNECT_SECONDS: Final = 5.0
STOPPING_RECONNECT_SECONDS: Final = 5.0
_logger = logging.getLogger(__name__)


class PatientLeases:
    """Takes turns; a server that does not answer is waited for without end, a lost queue for `lost_seconds`.

    `unusable` says that the last turn failed for good: its lease is not settled and will expire.
    """

    def __init__(
        self,
        leases: Leases,
        *,
        lost_seconds: float,
        is_stopping: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._leases = leases
        self._lost_seconds = lost_seconds
        self._is_stopping = is_stopping
        self._sleep = sleep
        self.unusable = False

    def turn(self, *arguments: Any, **options: Any) -> Turn:
        """As Leases.turn; raises QueueError once it is given up."""
        wait = FIRST_WAIT_SECONDS
        failing_since = time.monotonic()
        while True:
            try:
                return self._leases.turn(*arguments, **options)
            except QueueUnavailableError as error:
                problem: QueueError = error
                patience = STOPPING_RECONNECT_SECONDS if self._is_stopping() else float("inf")
            except QueueLostError as error:
                problem = error
                patience = self._lost_seconds
            except QueueError:
                self.unusable = True
                raise
            if time.monotonic() - failing_since > patience:
                self.unusable = True
                raise problem
            if wait == FIRST_WAIT_SECONDS:
                _logger.warning("waiting for the queue: %s", problem)
            self._sleep(wait)
            wait = min(wait * 2, LONGEST_RECONNECT_SECONDS)
