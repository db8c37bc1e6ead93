"""A worker's side of the queue: lease, acknowledge, renew; one round trip a turn.

Rule: a turn may be sent again as often as the network needs. It is numbered, so that only its first arrival counts;
and a lease is settled by its own number, so that one which was taken over meanwhile is never settled again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from kubejobs.workqueue import scripts
from kubejobs.workqueue.appending import append_items, close_queue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.problems import code_of, problem, unencodable
from kubejobs.workqueue.replies import checked
from kubejobs.workqueue.resp import ReplyError, text_of
from kubejobs.workqueue.types import QueueAddress
from kubejobs.workqueue.wire import Wire

MAX_BATCH: Final = 1000
WORKER_CREDENTIALS: Final = "REDIS_PASSWORD and REDIS_USERNAME in the worker's environment"


class Ending(StrEnum):
    """How a worker leaves one item of its lease."""

    DONE = "done"
    RESULT = "result"
    FAIL = "fail"
    RETRY = "retry"
    RETURN = "return"


class Settled(StrEnum):
    """What became of the lease that was settled; EXPIRED means that another worker has its items."""

    NONE = "NONE"
    SETTLED = "SETTLED"
    EXPIRED = "EXPIRED"


class QueueState(StrEnum):
    """What a turn found.

    A lease; nothing for now; nothing as this worker was asked to lease no more; nothing for ever; or a run that was
    asked to stop.
    """

    LEASED = "LEASED"
    WAITING = "WAITING"
    DRAINING = "DRAINING"
    DRAINED = "DRAINED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one item that is not simply done.

    `place` counts from 1 in the lease; `text` is the result's or the error's JSON.
    """

    place: int
    ending: Ending
    text: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn brought: `attempt` says for which time the items are delivered (1 for the first)."""

    settled: Settled
    state: QueueState
    lease: str
    items: tuple[str, ...]
    attempt: int


@dataclass(frozen=True, slots=True)
class RetryDelays:
    """Exponential backoff with equal jitter: between half and all of first * 2**(attempts - 1), at most `longest`.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    first_seconds: float = 1.0
    longest_seconds: float = 60.0


class LeaseClient:
    """One worker's session with the queue; it holds at most one lease, of one or more items.

    `worker` names it in the ledger (its pod's name). Calls raise QueueUnavailableError, after which the same call may
    be made again, and QueueLostError.
    """

    def __init__(
        self,
        address: QueueAddress,
        worker: str,
        *,
        lease_seconds: float = 60.0,
        max_attempts: int = 3,
        delays: RetryDelays | None = None,
    ) -> None:
        delays = delays or RetryDelays()
        self.keys = QueueKeys(address.prefix)
        self.session = f"{worker}/{secrets.token_hex(6)}"
        self.lease = ""
        self._wire = Wire(**address.server)
        self._place = address.place
        self._number = 0
        self._lease_ms = int(lease_seconds * 1000)
        self._limits = f"{max_attempts} {int(delays.first_seconds * 1000)} {int(delays.longest_seconds * 1000)}"

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
        """Settle the present lease, if there is one, and take up to `take` items (0: none; MAX_BATCH at most).

        Items that `outcomes` does not name end as `others` says: DONE or RETURN. `durations` counts the ended items by
        the bucket of their time (kubejobs.durations). With `share` no more is taken than half of an equal share of
        what is queued, so that near the end nobody holds what others could do.
        """
        named: list[Any] = []
        for outcome in outcomes:
            named += (outcome.place, outcome.ending.value, outcome.text)
        number = self._number + 1
        reply = self._run(
            scripts.TURN,
            self.session,
            number,
            self.lease,
            others.value,
            int(worked_seconds * 1_000_000),
            " ".join([f"{bucket}:{count}" for bucket, count in durations.items()]) if durations else "",
            take,
            int(share),
            self._lease_ms,
            self._limits,
            *named,
        )
        settled, state, lease, items, earlier = checked(reply, self._place)
        self._number = number
        self.lease = text_of(lease)
        attempt = int(earlier[0]) + 1 if earlier else 1
        return Turn(
            Settled(text_of(settled)), QueueState(text_of(state)), self.lease, tuple(map(text_of, items)), attempt
        )

    def renew(self) -> bool:
        """Keep the present lease for another lease time; False if it was taken over."""
        reply = checked(self._run(scripts.RENEW, self.lease, self._lease_ms), self._place)
        return bool(reply[0])

    def leave(self) -> None:
        """Be counted no more among the run's sessions; for a session that has settled its last lease."""
        self._run(scripts.LEAVE, self.session)

    def append(self, items: Iterable[str], *, priority: int = 0) -> int:
        """Add late arrivals; returns the run's new total. As WorkQueue.append."""
        return append_items(self._run, items, priority, self._place)

    def close_queue(self) -> None:
        """Say that no more items will come. As WorkQueue.mark_closed."""
        close_queue(self._run, self._place)

    def close(self) -> None:
        """Close the connection; a lease that is still held stays until it expires."""
        self._wire.close()

    def _run(self, script: scripts.Script, *arguments: Any) -> list[Any]:
        try:
            return cast("list[Any]", self._wire.run(script.sha, script.text, self.keys.queued, *arguments))
        except (OSError, ReplyError) as error:
            raise problem(error, code_of(error), self._place, WORKER_CREDENTIALS) from error
        except UnicodeEncodeError as error:
            raise unencodable(error) from error
