"""The queue as the control loop sees it: asyncio, for many runs in one event loop.

Rule: no call blocks the loop or waits without a limit; writes carry the leader's token.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import asdict
from typing import Any, Self, cast

import redis.asyncio
from redis.exceptions import RedisError

from kubejobs.errors import LeadershipLostError, QueueError, QueueUnavailableError
from kubejobs.workqueue import replies, scripts
from kubejobs.workqueue.client import CREDENTIALS
from kubejobs.workqueue.connection import open_async_client, place_of, run_script_async, translated
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.resp import text_of
from kubejobs.workqueue.types import DrainStatus, QueueAddress, QueueSnapshot, Signal, WorkerExit
from kubejobs.workqueue.wire import CALL_TIMEOUT_SECONDS


class AsyncWorkQueue:
    """One run's queue; satisfies the control loop's QueuePort.

    `source` and `credentials` are as for WorkQueue. `foreign_grace_seconds` is how long an item of an open-contract
    worker may be without a live lease key before it is put back: by default `lease_seconds`; None never puts it back.
    """

    def __init__(
        self,
        source: QueueAddress | redis.asyncio.Redis,
        *,
        prefix: str = "",
        lease_seconds: float = 60.0,
        max_attempts: int = 3,
        foreign_grace_seconds: float | None = -1.0,
        credentials: str = CREDENTIALS,
    ) -> None:
        self._client: Any = open_async_client(source) if isinstance(source, QueueAddress) else source
        self._own = isinstance(source, QueueAddress)
        self.keys = QueueKeys(source.prefix if isinstance(source, QueueAddress) else prefix)
        self._place = place_of(source)
        self._credentials = credentials
        self._max_attempts = max_attempts
        default_grace = foreign_grace_seconds is not None and foreign_grace_seconds < 0
        self._foreign_grace_seconds = lease_seconds if default_grace else foreign_grace_seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place}, key {self.keys.queued!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless the client was given."""
        if self._own:
            await self._client.aclose()

    async def snapshot(self) -> QueueSnapshot:
        """Counts, signal and times in one consistent look; QueueLostError if the run's keys are gone."""
        return replies.snapshot(await self._run(scripts.SNAPSHOT), self._place)

    async def recover_expired(
        self, limit: int = 1000, *, live_workers: int | None = None, failed_workers: int = 0
    ) -> int:
        """Put back items whose lease has expired (at most `limit` leases); returns how many.

        `live_workers` is how many pods there are: where more items are with workers of the open contract, so many of
        those without a live lease key are put back at once; as attempts count as many of them as `failed_workers`,
        the pods that have failed since the start, not those that were removed.
        """
        reply = await self._run(scripts.RECOVER, limit, self._max_attempts)
        recovered = int(replies.checked(reply, self._place)[0])
        if self._foreign_grace_seconds is None:
            return recovered
        return recovered + await self._recover_foreign(limit, self._foreign_grace_seconds, live_workers, failed_workers)

    async def _recover_foreign(
        self, limit: int, grace_seconds: float, live_workers: int | None, failed_workers: int
    ) -> int:
        # The oldest, which are on the right.
        items = await self._call(self._client.lrange(self.keys.processing, -limit, -1))
        pairs: list[Any] = []
        for item in items:
            pairs += [item, self.keys.session_lease(item)]
        complete = int(len(items) < limit)
        workers = -1 if live_workers is None else live_workers
        grace_ms = int(grace_seconds * 1000)
        reply = await self._run(
            scripts.RECOVER_FOREIGN, grace_ms, self._max_attempts, complete, workers, failed_workers, *pairs
        )
        return int(replies.checked(reply, self._place)[0])

    async def request_drain(
        self, wanted: int, live: Collection[str], others: Collection[str] | None = None
    ) -> DrainStatus:
        """Let `wanted` of the workers named in `live` be idle or asked to become so; 0: none.

        Whichever comes first to the end of its item obeys. A smaller number than before lets idle ones go on.
        `others` are the workers that go on. A drained worker that is named in neither has lost its pod and gets no item
        any more; with None nothing is known of the others, and all go on.
        """
        rest = ("unknown",) if others is None else ("known", *others)
        asked, *drained = replies.checked(await self._run(scripts.DRAIN, wanted, len(live), *live, *rest), self._place)
        since = {text_of(drained[at]): drained[at + 1] / 1000 for at in range(0, len(drained), 2)}
        return DrainStatus(asked=int(asked), drained=since)

    async def lease_holders(self) -> tuple[str, ...]:
        """Names of the workers that hold a lease of the client library."""
        leases = await self._call(self._client.zrange(self.keys.leases, 0, -1))
        return tuple(sorted({text_of(lease).rpartition("/")[0] for lease in leases}))

    async def record_exits(self, exits: Mapping[str, WorkerExit]) -> int:
        """Note how these workers ended and put back what they held, at once; returns how many items."""
        pairs: list[str] = []
        for worker, end in exits.items():
            pairs += [worker, json.dumps(asdict(end))]
        return int(replies.checked(await self._run(scripts.EXITS, self._max_attempts, *pairs), self._place)[0])

    async def hold_queued(self) -> int:
        """Take every queued and delayed item out of the queue (a stop); returns how many are held."""
        return int(replies.checked(await self._run(scripts.HOLD), self._place)[0])

    async def signal_run(self, signal: Signal) -> None:
        """Ask the run to stop or to terminate."""
        await self._call(self._client.set(self.keys.control, str(signal)))

    async def acquire_leadership(self, owner: str, ttl_seconds: float) -> int | None:
        """Become the run's only control loop; a token that grows, or None while another owner leads.

        The same owner gets the lead again at once, with a new token.
        """
        reply = await self._run(scripts.LEAD, owner, int(ttl_seconds * 1000))
        try:
            return int(replies.checked(reply, self._place)[0])
        except LeadershipLostError:
            return None

    async def renew_leadership(self, token: int, ttl_seconds: float) -> None:
        """Lead for `ttl_seconds` from now; LeadershipLostError if another took over."""
        replies.checked(await self._run(scripts.KEEP_LEAD, token, int(ttl_seconds * 1000)), self._place)

    async def release_leadership(self, token: int) -> None:
        """Stop leading; nothing happens if another leads already."""
        reply = await self._run(scripts.KEEP_LEAD, token, 0)
        if text_of(reply[0]) != "FENCED":
            replies.checked(reply, self._place)

    async def load_state(self) -> dict[str, Any] | None:
        """What `save_turn` stored last."""
        state = await self._call(self._client.get(self.keys.state))
        return None if state is None else cast("dict[str, Any]", json.loads(state))

    async def save_turn(self, token: int, line: dict[str, Any], state: dict[str, Any]) -> None:
        """Append one line to the journal and store the loop's state, in one step, if `token` still leads."""
        texts = (json.dumps(value, separators=(",", ":"), allow_nan=False) for value in (line, state))
        replies.checked(await self._run(scripts.SAVE_TURN, token, *texts), self._place)

    async def read_plan(self) -> str | None:
        """The run's plan, or None if there is none yet."""
        plan = await self._call(self._client.get(self.keys.plan))
        return None if plan is None else text_of(plan)

    async def _run(self, script: scripts.Script, *arguments: Any) -> list[Any]:
        return cast("list[Any]", await self._call(run_script_async(self._client, script, self.keys.queued, *arguments)))

    async def _call(self, command: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                return await command
        except TimeoutError as error:
            raise QueueUnavailableError(
                f"the queue at {self._place} did not answer within {CALL_TIMEOUT_SECONDS:g} s"
            ) from error
        except (RedisError, OSError) as error:
            raise translated(error, self._place, self._credentials) from error
        except UnicodeEncodeError as error:
            raise QueueError(f"a value can't be encoded as UTF-8: {error.object!r:.200}") from error
