"""A worker's side of the queue: lease, acknowledge, renew; one round trip a turn.

Rule: a turn may be sent again as often as the network needs. It is numbered, so that only its first arrival counts;
and a lease is settled by its own number, so that one which was taken over meanwhile is never settled again.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from redis.exceptions import RedisError

from kubejobs.workqueue import scripts
from kubejobs.workqueue.connection import open_client, place_of, text_of, translated
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.replies import checked
from kubejobs.workqueue.types import QueueAddress

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
    """What a turn found: a lease, nothing for now, nothing for ever, or a run that was asked to stop."""

    LEASED = "LEASED"
    WAITING = "WAITING"
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
        self._client = open_client(address)
        self._place = place_of(address)
        self._number = 0
        self._lease_ms = int(lease_seconds * 1000)
        self._limits = (max_attempts, int(delays.first_seconds * 1000), int(delays.longest_seconds * 1000))

    def turn(
        self,
        outcomes: Sequence[Outcome] = (),
        *,
        take: int = 1,
        others: Ending = Ending.DONE,
        worked_seconds: float = 0.0,
    ) -> Turn:
        """Settle the present lease, if there is one, and take up to `take` items (0: none).

        Items that `outcomes` does not name end as `others` says: DONE or RETURN.
        """
        number = self._number + 1
        reply = self._send(number, self.lease, others, worked_seconds, take, outcomes)
        self._number = number
        settled, state, items, earlier = reply
        texts = tuple(map(text_of, items))
        self.lease = f"{self.session}.{number}" if texts else ""
        attempt = int(earlier[0]) + 1 if earlier else 1
        return Turn(Settled(text_of(settled)), QueueState(text_of(state)), self.lease, texts, attempt)

    def _send(
        self,
        number: int,
        lease: str,
        others: Ending,
        worked_seconds: float,
        take: int,
        outcomes: Sequence[Outcome],
    ) -> list[Any]:
        named: list[Any] = []
        for outcome in outcomes:
            named += [outcome.place, str(outcome.ending), outcome.text]
        jitter = round(random.random(), 3)  # noqa: S311  # spreads retries; not a secret
        reply = self._run(
            scripts.TURN,
            self.session,
            number,
            lease,
            str(others),
            int(worked_seconds * 1000),
            take,
            self._lease_ms,
            *self._limits,
            jitter,
            *named,
        )
        return checked(reply, self._place)

    def renew(self) -> bool:
        """Keep the present lease for another lease time; False if it was taken over."""
        reply = checked(self._run(scripts.RENEW, self.lease, self._lease_ms), self._place)
        return bool(reply[0])

    def close(self) -> None:
        """Close the connection; a lease that is still held stays until it expires."""
        self._client.close()

    def _run(self, script: scripts.Script, *arguments: Any) -> list[Any]:
        try:
            return script.run(self._client, self.keys.queued, *arguments)
        except (RedisError, OSError) as error:
            raise translated(error, self._place, WORKER_CREDENTIALS) from error
