"""The queue for whoever fills it and for whoever reads it afterwards; synchronous.

Rule: what changes the ledger is one script; a fill becomes visible whole or not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any, Self

import redis

from kubejobs.errors import QueueError
from kubejobs.workqueue import scripts
from kubejobs.workqueue.appending import append_items, close_queue
from kubejobs.workqueue.connection import open_client, place_of, run_script, translating
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.reading import LINES_PER_ROUND_TRIP, QueueReader
from kubejobs.workqueue.resp import text_of
from kubejobs.workqueue.staging import staging_pipelines
from kubejobs.workqueue.types import QueueAddress, Signal

CREDENTIALS = "the queue's password (its Kubernetes Secret, or the Airflow connection of a shared Redis)"


class WorkQueue(QueueReader):
    """One run's queue.

    `source` is an address, or a redis client and then `prefix` says which run. `credentials` tells, in the message
    of a refused password, where the password comes from.
    """

    def __init__(self, source: QueueAddress | redis.Redis, *, prefix: str = "", credentials: str = CREDENTIALS) -> None:
        self._own = isinstance(source, QueueAddress)
        self._client: Any = open_client(source) if isinstance(source, QueueAddress) else source
        self.keys = QueueKeys(source.prefix if isinstance(source, QueueAddress) else prefix)
        self._place = place_of(source)
        self._credentials = credentials

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place}, key {self.keys.queued!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless the client was given."""
        if self._own:
            self._client.close()

    def fill(
        self,
        items: Iterable[str | tuple[int, str]],
        batch: int = 1000,
        *,
        close: bool = True,
        merge_priorities: bool = False,
    ) -> int:
        """Put in the run's items, in order; returns how many there are.

        An item with a priority is a tuple (priority, item), from 0 (as without) to 9, higher first. Streamed in flat
        memory. A fill that finished earlier is recognised and `items` is not read; one that was interrupted is
        discarded. `close` says that no more items will come. `merge_priorities` is for workers that know one list
        only: prioritized items are put at its head. Raises QueueError for an item that is empty or has a line break.
        """
        token = secrets.token_hex(8)
        reply = self._run(scripts.FILL_BEGIN, token)
        if text_of(reply[0]) == "FILLED":
            return int(reply[1])
        if text_of(reply[0]) == "TAKEN":
            raise QueueError(
                f"the list {self.keys.queued!r} at {self._place} already holds {reply[1]} items that no deploy of this "
                "run put there: use another key prefix or server, or delete the list"
            )
        count = 0
        for size, pipeline in staging_pipelines(self._client, self.keys.filling(token), items, batch):
            with self._translating():
                pipeline.execute()
            count += size
        reply = self._run(scripts.FILL_FINISH, token, count, int(close), int(merge_priorities))
        status = text_of(reply[0])
        if status == "FENCED":
            raise QueueError(f"another deploy began to fill the queue at {self._place}; this one has stopped")
        if status == "SHORT":
            raise QueueError(
                f"{count} items were sent to the queue at {self._place} but it holds {reply[1]}: its server was "
                "restarted or lost data in the meantime; fill it again"
            )
        return int(reply[1])

    def append(self, items: Iterable[str], *, priority: int = 0) -> int:
        """Add late arrivals to a queue that is not closed; returns the run's new total.

        A server that does not answer is asked again for a minute; nothing is added twice.
        """
        return append_items(self._run, items, priority, self._place)

    def mark_closed(self) -> None:
        """Say that no more items will come, so that workers may end when everything is worked off."""
        close_queue(self._run, self._place)

    def write_plan(self, plan: str) -> None:
        """Store the run's plan (JSON)."""
        self._call(lambda client: client.set(self.keys.plan, plan))

    def read_plan(self) -> str | None:
        """The run's plan, or None if there is none."""
        plan = self._call(lambda client: client.get(self.keys.plan))
        return None if plan is None else text_of(plan)

    def start_clock(self) -> float:
        """When the run's clock started, in seconds since the epoch by the server's clock; the first call starts it."""
        seconds, microseconds = self._call(lambda client: client.time())
        self._call(lambda client: client.set(self.keys.started, f"{seconds}.{microseconds:06d}", nx=True))
        return float(self._call(lambda client: client.get(self.keys.started)))

    def signal_run(self, signal: Signal) -> None:
        """Ask the run to stop or to terminate."""
        self._call(lambda client: client.set(self.keys.control, str(signal)))

    def ping(self) -> None:
        """Return if the server answers and accepts the credentials."""
        self._call(lambda client: client.ping())

    def delete_run(self) -> int:
        """Remove every key of this run, and no other; returns how many there were."""
        removed = int(self._call(lambda client: client.unlink(self.keys.queued)))
        cursor = 0
        while True:
            cursor, found = self._call(
                lambda client, at=cursor: client.scan(at, match=self.keys.pattern, count=LINES_PER_ROUND_TRIP)
            )
            if found:
                removed += int(self._call(lambda client, names=found: client.unlink(*names)))
            if not int(cursor):
                return removed

    def _translating(self) -> Any:
        return translating(self._place, self._credentials)

    def _run(self, script: scripts.Script, *arguments: Any) -> list[Any]:
        with self._translating():
            return run_script(self._client, script, self.keys.queued, *arguments)

    def _call(self, command: Callable[..., Any]) -> Any:
        with self._translating():
            return command(self._client)
