"""A worker's side of a queue in memory: LeaseClient's interface."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

from kubejobs.testing.ledger import Ledger, Limits
from kubejobs.testing.turns import Request, take_turn
from kubejobs.workqueue.leasing import Ending, Outcome, RetryDelays, Turn

_numbers = itertools.count(1)

Append = Callable[[Iterable[str], int], int]


class MemoryLeaseClient:
    """One worker's session with a MemoryQueue, which makes it; as workqueue.leasing.LeaseClient."""

    def __init__(
        self,
        ledger: Ledger,
        append: Append,
        worker: str,
        *,
        lease_seconds: float,
        max_attempts: int,
        delays: RetryDelays,
    ) -> None:
        self.session = f"{worker}/{next(_numbers)}"
        self.lease = ""
        self._ledger = ledger
        self._append = append
        self._number = 0
        self._lease_seconds = lease_seconds
        self._limits = Limits(max_attempts, delays.first_seconds, delays.longest_seconds)

    def turn(
        self,
        outcomes: Sequence[Outcome] = (),
        *,
        take: int = 1,
        others: Ending = Ending.DONE,
        worked_seconds: float = 0.0,
        durations: Mapping[int, int] | None = None,
        share: bool = False,
    ) -> Turn:
        """Settle the present lease, if there is one, and take up to `take` items."""
        number = self._number + 1
        turn = take_turn(
            self._ledger,
            Request(
                self.session,
                number,
                self.lease,
                outcomes,
                take,
                others,
                worked_seconds,
                durations,
                share,
                self._lease_seconds,
                self._limits,
            ),
        )
        self._number = number
        self.lease = turn.lease
        return turn

    def renew(self) -> bool:
        """Keep the present lease for another lease time; False if it was taken over."""
        self._ledger.check()
        return self._ledger.renew(self.lease, self._lease_seconds)

    def leave(self) -> None:
        """Be counted no more among the run's sessions."""
        self._ledger.check()
        self._ledger.sessions.pop(self.session, None)

    def append(self, items: Iterable[str], *, priority: int = 0) -> int:
        """Add late arrivals; returns the run's new total."""
        return self._append(items, priority)

    def close_queue(self) -> None:
        """Say that no more items will come."""
        self._ledger.check()
        self._ledger.closed = True

    def close(self) -> None:
        """Do nothing: there is no connection. A lease that is still held stays until it expires."""
