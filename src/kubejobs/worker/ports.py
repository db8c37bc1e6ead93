"""What a session needs of the queue and of its heartbeat, so that both can be replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from kubejobs.workqueue.leasing import Ending, Outcome, Turn


class Leases(Protocol):
    """One session with the queue; workqueue.leasing.LeaseClient is the real one, with the errors that it names."""

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
        """Settle the present lease and take the next."""
        ...

    def leave(self) -> None:
        """Be counted no more among the run's sessions."""
        ...

    def append(self, items: Iterable[str], *, priority: int = 0) -> int:
        """Add late arrivals; returns the run's new total."""
        ...

    def close_queue(self) -> None:
        """Say that no more items will come."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


class Heartbeat(Protocol):
    """Keeps one session's lease while its items run; worker.heartbeat.ProcessHeartbeat is the real one."""

    def open(self) -> None:
        """The session has begun; it counts as ready."""
        ...

    def watch(self, lease: str, items: int) -> None:
        """Keep this lease of so many items from now on; empty: none."""
        ...

    def start(self, place: int) -> bool:
        """An item of the lease, by its place from 1, is about to start; False: it was given back and must not."""
        ...

    def drain(self, *, draining: bool) -> None:
        """The session takes no items for now and counts as not ready, or takes items again."""
        ...

    def close(self) -> None:
        """The session has ended."""
        ...
