"""The client library: a loop over items that leases, renews, acknowledges and gives back.

Rule: an item is acknowledged only after the loop's body has ended without an error; whatever ends the worker before
that gives the item to another one.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, Self

from kubejobs.errors import QueueError, QueueLostError, QueueUnavailableError
from kubejobs.worker.heartbeat import Heartbeat
from kubejobs.worker.item import Item
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, QueueState, Settled, Turn

SIGTERM_EXIT_CODE: Final = 128 + signal.SIGTERM
FIRST_WAIT_SECONDS: Final = 0.02
LONGEST_WAIT_SECONDS: Final = 0.5
LONGEST_RECONNECT_SECONDS: Final = 5.0
STOPPING_RECONNECT_SECONDS: Final = 5.0
_logger = logging.getLogger(__name__)


def connect(settings: WorkerSettings | None = None) -> WorkerQueue:
    """The run's queue, as the environment says; use it in a `with` statement. It connects at its first item."""
    return WorkerQueue(settings or WorkerSettings.from_environment())


class WorkerQueue:
    """One worker's view of the run's queue. Not to be shared between threads or processes."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.expired = 0
        self.stopping = False
        self._leases = LeaseClient(
            settings.address,
            settings.worker,
            lease_seconds=settings.lease_seconds,
            max_attempts=settings.max_attempts,
            delays=settings.delays,
        )
        self._heartbeat = Heartbeat(settings)
        self._leased: list[Item] = []
        self._started = 0
        self._leased_at = 0.0
        self._unusable = False
        self._state = QueueState.WAITING
        self._on_stop: list[Callable[[], None]] = []
        self._handles_sigterm = False

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: self.stop())
            self._handles_sigterm = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Settle what is leased; after a SIGTERM end the program, unless it is ending with an error already.

        The exit code is then 143 and not 0: once a pod of a Job without `completions` has exited with 0,
        Kubernetes starts no new ones, although the others may still have work.
        """
        self.close(error)
        if error is None and self._handles_sigterm and self.stopping and self._state is not QueueState.DRAINED:
            raise SystemExit(SIGTERM_EXIT_CODE)

    def stop(self) -> None:
        """Take no more items: the loop ends after the present one. Safe in a signal handler."""
        self.stopping = True
        for callback in self._on_stop:
            callback()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call this when a SIGTERM arrives (or `stop` is called), before the present item has ended."""
        self._on_stop.append(callback)

    def items(self, batch: int | None = None) -> Iterator[Item]:
        """Items until nothing is queued, leased or delayed any more and none will come, or the run is stopped.

        `batch` is how many are leased in one round trip (settings.batch); they are acknowledged together, so batches
        are for items that take milliseconds. Raises QueueLostError when the run's keys stay away, QueueError when the
        server refuses the worker; a server that does not answer is waited for.
        """
        take = batch or self.settings.batch
        while (item := self._next(take)) is not None:
            yield item

    def process(
        self,
        function: Callable[[Item], Any],
        *,
        batch: int | None = None,
        permanent: tuple[type[Exception], ...] = (),
    ) -> int:
        """Call `function` for every item; returns how many calls there were.

        What it returns, unless None, is the item's result. An exception fails the item: of a type in `permanent` for
        good, else to be tried again.
        """
        calls = 0
        for item in self.items(batch):
            calls += 1
            try:
                value = function(item)
                if value is not None:
                    item.result(value)
            except Exception as error:  # noqa: BLE001  # whatever a user's function raises belongs to its item
                item.fail(error, retry=not isinstance(error, permanent))
        return calls

    def close(self, error: BaseException | None = None) -> None:
        """Settle the lease and disconnect.

        The present item ends as said, else as done; with an `error` from the loop's body it is to be tried again, and
        given back uncounted if the program was interrupted. Items that were not started are given back.
        """
        try:
            if self._leased and not self._unusable:
                self._end_present(error)
                self._settle(take=0)
        except QueueError as problem:
            _logger.warning("the last lease was not settled and will expire: %s", problem)
        finally:
            if self._handles_sigterm and not self.stopping:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._heartbeat.close()
            self._leases.close()

    def _end_present(self, error: BaseException | None) -> None:
        if error is None or self._started == 0:
            return
        present = self._leased[self._started - 1]
        if present.ended:
            return
        if isinstance(error, Exception):
            present.fail(error)
        else:
            present.release()

    def _next(self, take: int) -> Item | None:
        if self._started == len(self._leased) or self.stopping:
            wait = FIRST_WAIT_SECONDS
            while not self._settle(take):
                if self.stopping or self._state is not QueueState.WAITING:
                    return None
                time.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        self._started += 1
        return self._leased[self._started - 1]

    def _settle(self, take: int) -> bool:
        """Settle the lease and take the next unless stopping; returns whether there is one to work on."""
        outcomes = [o for place, item in enumerate(self._leased, 1) if (o := self._outcome(place, item))]
        worked = time.monotonic() - self._leased_at if self._leased else 0.0
        turn = self._turn(outcomes, 0 if self.stopping else take, worked)
        self._note(turn)
        if turn.items and (self.stopping or take == 0):
            # The reply to an earlier try was lost: what it had taken is given back.
            self._note(self._turn((), 0, 0.0, others=Ending.RETURN))
        return bool(self._leased)

    def _outcome(self, place: int, item: Item) -> Outcome | None:
        return item.outcome(place) if place <= self._started else Outcome(place, Ending.RETURN)

    def _note(self, turn: Turn) -> None:
        if turn.settled is Settled.EXPIRED:
            self.expired += 1
            _logger.warning(
                "the lease of %d items (first: %.200r) expired before they were acknowledged; other workers have them",
                len(self._leased),
                self._leased[0].value if self._leased else "",
            )
        self._leased = [Item(value, turn.attempt) for value in turn.items]
        self._started = 0
        self._leased_at = time.monotonic()
        self._state = turn.state
        self._heartbeat.watch(turn.lease)

    def _turn(self, outcomes: Any, take: int, worked: float, *, others: Ending = Ending.DONE) -> Turn:
        """One turn, tried again while the server does not answer; a lost queue is waited for `lost_seconds`."""
        wait = FIRST_WAIT_SECONDS
        failing_since = time.monotonic()
        while True:
            try:
                return self._leases.turn(outcomes, take=take, others=others, worked_seconds=worked)
            except QueueUnavailableError as error:
                problem: QueueError = error
                patience = STOPPING_RECONNECT_SECONDS if self.stopping else float("inf")
            except QueueLostError as error:
                problem = error
                patience = self.settings.lost_seconds
            except QueueError:
                self._unusable = True
                raise
            if time.monotonic() - failing_since > patience:
                self._unusable = True
                raise problem
            if wait == FIRST_WAIT_SECONDS:
                _logger.warning("waiting for the queue: %s", problem)
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_RECONNECT_SECONDS)
