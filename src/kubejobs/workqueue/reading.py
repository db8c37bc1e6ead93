"""What the queue tells of a run: the ledger, the journal, failures and results, leases, workers' ends.

Rule: nothing here changes the ledger; what may be long is streamed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final

from kubejobs.workqueue import replies, scripts
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.resp import text_of
from kubejobs.workqueue.types import QueueSnapshot

LINES_PER_ROUND_TRIP: Final = 1000
_LEASES_PER_ROUND_TRIP: Final = 100


class QueueReader(ABC):
    """The reading half of WorkQueue; it is given the ways to ask the server."""

    keys: QueueKeys
    _place: str

    @abstractmethod
    def _run(self, script: scripts.Script, *arguments: Any) -> list[Any]: ...

    @abstractmethod
    def _call(self, command: Callable[..., Any]) -> Any: ...

    def snapshot(self) -> QueueSnapshot:
        """Counts, signal and times in one consistent look."""
        return replies.snapshot(self._run(scripts.SNAPSHOT), self._place)

    def iter_journal(self) -> Iterator[dict[str, Any]]:
        """The control loop's lines, oldest first."""
        for lines in self._pages(self.keys.journal):
            yield from replies.records(lines)

    def iter_failures(self) -> Iterator[dict[str, Any]]:
        """Items that ended badly.

        Each has `item`, `kind` (failed or dead), `reason`, `attempts`, `worker`, `time` and `error` (`type`, `message`,
        `traceback`), where known.
        """
        for lines in self._pages(self.keys.failures):
            yield from replies.records(lines)
        for lines in self._pages(self.keys.errors):
            yield from map(replies.foreign_failure, lines)

    def iter_results(self) -> Iterator[dict[str, Any]]:
        """What workers returned: `item` and `result`, in the order of their acknowledgement."""
        for lines in self._pages(self.keys.results):
            yield from map(replies.result_record, lines)

    def _pages(self, key: str) -> Iterator[list[bytes]]:
        start = 0
        while lines := self._call(lambda client, at=start: client.lrange(key, at, at + LINES_PER_ROUND_TRIP - 1)):
            yield lines
            start += len(lines)

    def iter_leased(self) -> Iterator[dict[str, Any]]:
        """Items with workers of the client library: `item`, `worker`, `attempt`, `expires_in_seconds`."""
        start = 0
        while True:
            now_ms, *leases = replies.checked(self._run(scripts.LEASED, start, _LEASES_PER_ROUND_TRIP), self._place)
            for lease in leases:
                yield from replies.leased_items(lease, now_ms)
            if len(leases) < _LEASES_PER_ROUND_TRIP:
                return
            start += len(leases)

    def iter_retrying(self) -> Iterator[dict[str, Any]]:
        """Lines that were delivered without success and have not ended yet: `item`, `attempts`, last `error`."""
        for item, text in self._fields(self.keys.tries):
            yield replies.try_record(item, text)

    def iter_exits(self) -> Iterator[dict[str, Any]]:
        """Workers that ended without giving back their items.

        Each has `worker`, `reason`, `message`, `exit_code`, `blames_items`, `time`, and `items`: how many it held.
        """
        for worker, text in self._fields(self.keys.exits):
            yield {"worker": text_of(worker)} | replies.records([text])[0]

    def verify(self, *, open_contract: bool = False) -> tuple[str, ...]:
        """What does not add up in the ledger, a sentence each; nothing if all is well.

        With `open_contract` workers of that kind had a part, who report nothing that could be counted twice.
        """
        reply = replies.checked(self._run(scripts.VERIFY), self._place)
        sums = {text_of(reply[at]): int(reply[at + 1]) for at in range(0, len(reply), 2)}
        return replies.discrepancies(sums, open_contract=open_contract) + tuple(dict.fromkeys(self._orphaned_leases()))

    def _orphaned_leases(self) -> Iterator[str]:
        """A sentence for each list of a lease that is in no index: what a broken script would leave."""
        cursor, start = 0, len(self.keys.lease(""))
        while True:
            cursor, found = self._call(
                lambda client, at=cursor: client.scan(at, match=self.keys.lease_pattern, count=LINES_PER_ROUND_TRIP)
            )
            leases = [text_of(name)[start:] for name in found]
            orphans = replies.checked(self._run(scripts.ORPHANS, *leases), self._place) if leases else []
            for at in range(0, len(orphans), 2):
                yield f"the lease {text_of(orphans[at])} is not among the leases, but {orphans[at + 1]} items have it"
            if not int(cursor):
                return

    def _fields(self, key: str) -> Iterator[tuple[bytes, bytes]]:
        cursor = 0
        while True:
            cursor, fields = self._call(lambda client, at=cursor: client.hscan(key, at, count=LINES_PER_ROUND_TRIP))
            yield from fields.items()
            if not int(cursor):
                return
