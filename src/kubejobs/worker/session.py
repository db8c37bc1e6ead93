"""The client library: a loop over items that leases, renews, acknowledges and gives back.

Rule: an item is acknowledged only after the loop's body has ended without an error; whatever ends the worker before
that gives the item to another one.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Self

from kubejobs.errors import QueueError
from kubejobs.worker.batching import AdaptiveBatch, Batch, FixedBatch, batch_of
from kubejobs.worker.heartbeat import ProcessHeartbeat
from kubejobs.worker.held import Held
from kubejobs.worker.item import Item
from kubejobs.worker.patience import FIRST_WAIT_SECONDS, PatientLeases
from kubejobs.worker.ports import Heartbeat, Leases
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, QueueState, Settled, Turn

SIGTERM_EXIT_CODE: Final = 128 + signal.SIGTERM
LONGEST_WAIT_SECONDS: Final = 0.5
_MAY_CHANGE: Final = frozenset({QueueState.WAITING, QueueState.DRAINING})
_logger = logging.getLogger(__name__)


def connect(settings: WorkerSettings | None = None) -> WorkerQueue:
    """The run's queue, as the environment says; use it in a `with` statement. It connects at its first item."""
    return WorkerQueue(settings or WorkerSettings.from_environment())


def lease_client(settings: WorkerSettings) -> LeaseClient:
    """A session with the run's queue server."""
    return LeaseClient(
        settings.address,
        settings.worker,
        lease_seconds=settings.lease_seconds,
        max_attempts=settings.max_attempts,
        delays=settings.delays,
    )


class WorkerQueue:
    """One worker's view of the run's queue. Not to be shared between threads or processes.

    `leases` and `heartbeat` replace the queue's server and the helper process, `sleep` the pauses between looks at a
    queue that has nothing for now.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        leases: Leases | None = None,
        heartbeat: Heartbeat | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.expired = 0
        self.stopping = False
        self._leases = leases or lease_client(settings)
        self._heartbeat = heartbeat or ProcessHeartbeat(settings)
        self._sleep = sleep
        self._turns = PatientLeases(
            self._leases, lost_seconds=settings.lost_seconds, is_stopping=lambda: self.stopping, sleep=sleep
        )
        self._held = Held()
        self._state = QueueState.WAITING
        self._took_part = False
        self._on_stop: list[Callable[[], None]] = []
        self._handles_sigterm = False

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: self.stop())
            self._handles_sigterm = True
        self._heartbeat.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Settle what is leased; after a SIGTERM end the program, unless it is ending with an error already."""
        self.close(error)
        if error is None and self._handles_sigterm and self.exit_code:
            raise SystemExit(self.exit_code)

    @property
    def exit_code(self) -> int:
        """With what the program is to end: 143 if it was stopped while there may be work, else 0.

        Once a pod of a Job without `completions` has exited with 0, Kubernetes starts no new ones, although the
        others may still have work.
        """
        return SIGTERM_EXIT_CODE if self.stopping and self._state is not QueueState.DRAINED else 0

    def stop(self) -> None:
        """Take no more items: the loop ends after the present one. Safe in a signal handler."""
        self.stopping = True
        for callback in self._on_stop:
            callback()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call this when a SIGTERM arrives (or `stop` is called), before the present item has ended."""
        self._on_stop.append(callback)

    def items(self, batch: Batch | None = None) -> Iterator[Item]:
        """Items until nothing is queued, leased or delayed any more and none will come, or the run is stopped.

        `batch` is how many are leased in one round trip (settings.batch): a number, or "auto" for as many as take
        well under a tenth of a second. They are acknowledged together, and all of them run again when their worker is
        killed. Raises QueueLostError when the run's keys stay away, QueueError when the server refuses the worker; a
        server that does not answer is waited for.
        """
        size = batch_of(batch or self.settings.batch, self.settings.max_attempts)
        while True:
            while (item := self._start_next()) is not None:
                yield item
            if not self._lease_next(size):
                return

    def process(
        self,
        function: Callable[[Item], Any],
        *,
        batch: Batch | None = None,
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

    def append(self, items: Iterable[str], *, priority: int = 0) -> int:
        """Add late arrivals; returns how many items the run has now.

        Each is one line of text; higher priorities (0 to 9) are taken first. A call whose reply was lost adds nothing
        twice. Raises QueueError once the queue is closed.
        """
        return self._leases.append(items, priority=priority)

    def close_queue(self) -> None:
        """Say that no more items will come: workers end when those that there are have ended."""
        self._leases.close_queue()

    def close(self, error: BaseException | None = None) -> None:
        """Settle the lease and disconnect.

        The present item ends as said, else as done; with an `error` from the loop's body it is to be tried again, and
        given back uncounted if the program was interrupted. Items that were not started are given back.
        """
        try:
            if not self._turns.unusable:
                self._end_present(error)
                self._leave()
        except QueueError as problem:
            _logger.warning("the session was not ended well, what it leased will expire: %s", problem)
        finally:
            if self._handles_sigterm and not self.stopping:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._heartbeat.close()
            self._leases.close()

    def _leave(self) -> None:
        if len(self._held):
            self._settle(FixedBatch(0))
        if self._took_part:
            self._leases.leave()

    def _end_present(self, error: BaseException | None) -> None:
        present = self._held.present
        if error is None or present is None or present.ended:
            return
        if isinstance(error, Exception):
            present.fail(error)
        else:
            present.release()

    def _start_next(self) -> Item | None:
        held = self._held
        place = len(held.items) + 1
        if place > len(held) or self.stopping or not self._heartbeat.start(place):
            return None
        return held.start_next()

    def _lease_next(self, size: FixedBatch | AdaptiveBatch) -> bool:
        """Settle the lease and wait for the next; returns whether there is one."""
        wait = FIRST_WAIT_SECONDS
        while True:
            self._settle(size)
            if len(self._held):
                return True
            if self.stopping or self._state not in _MAY_CHANGE:
                return False
            self._sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    def _settle(self, size: FixedBatch | AdaptiveBatch) -> None:
        """Settle the lease and take the next, unless stopping."""
        held = self._held
        worked_seconds = held.worked_seconds()
        size.note(worked_seconds, len(held.items))
        take = 0 if self.stopping else size.size
        turn = self._turn(held.outcomes(), take, worked_seconds, held.durations(), share=size.shares and take > 1)
        self._note(turn)
        if turn.items and (self.stopping or take == 0):
            # The reply to an earlier try was lost, or the program was stopped meanwhile: nothing of it was started.
            self._note(self._turn((), 0, others=Ending.RETURN))

    def _turn(
        self,
        outcomes: Iterable[Outcome],
        take: int,
        worked_seconds: float = 0.0,
        durations: dict[int, int] | None = None,
        *,
        others: Ending = Ending.DONE,
        share: bool = False,
    ) -> Turn:
        self._took_part = True
        return self._turns.turn(
            outcomes, take=take, others=others, worked_seconds=worked_seconds, durations=durations, share=share
        )

    def _note(self, turn: Turn) -> None:
        if turn.settled is Settled.EXPIRED:
            self.expired += 1
            _logger.warning(
                "the lease of %d items (first: %.200r) expired before they were acknowledged; other workers have them",
                len(self._held),
                self._held.first,
            )
        if QueueState.DRAINING in (turn.state, self._state) and turn.state is not self._state:
            draining = turn.state is QueueState.DRAINING
            _logger.info("asked to lease no more for now" if draining else "leasing again")
            self._heartbeat.drain(draining=draining)
        self._held = Held(turn.items, turn.attempt)
        self._state = turn.state
        self._heartbeat.watch(turn.lease, len(turn.items))
