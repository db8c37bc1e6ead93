"""What the scripts reply, as the project's types. Rule: pure; the clients, sync and async, share it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kubejobs.durations import DurationSketch
from kubejobs.errors import LeadershipLostError, QueueError, QueueLostError
from kubejobs.workqueue.resp import text_of
from kubejobs.workqueue.types import Counts, QueueSnapshot, Signal


def checked(reply: list[Any], place: str) -> list[Any]:
    """The reply's values after its status; the status' error unless it is OK."""
    status = text_of(reply[0])
    if status == "OK":
        return reply[1:]
    if status == "LOST":
        raise QueueLostError(
            f"the queue at {place} answers but does not hold this run: it was deleted from outside, its server lost "
            "its data, or the key prefix is wrong"
        )
    if status == "FENCED":
        raise LeadershipLostError(f"another process leads this run in the queue at {place}; this one stops writing")
    raise QueueError(f"the queue at {place} answers {status}")


def snapshot(reply: list[Any], place: str) -> QueueSnapshot:
    """The ledger."""
    values = checked(reply, place)
    time_ms, signal = values[0], text_of(values[1]).strip().lower()
    queued, leased, delayed, done, failed, dead, held = values[2:9]
    first_ms, last_ms, deliveries, worked_us, closed, sessions, buckets = values[9:16]
    return QueueSnapshot(
        time=time_ms / 1000,
        counts=Counts(queued=queued, leased=leased, delayed=delayed, done=done, failed=failed, dead=dead, held=held),
        signal=_signal(signal),
        first_leased_at=first_ms / 1000 if first_ms else None,
        last_acknowledged_at=last_ms / 1000 if last_ms else None,
        deliveries=deliveries,
        busy_seconds=worked_us / 1_000_000,
        durations=DurationSketch({int(buckets[at]): int(buckets[at + 1]) for at in range(0, len(buckets), 2)}),
        closed=bool(closed),
        sessions=sessions,
    )


def _signal(word: str) -> Signal | None:
    if not word:
        return None
    # A person may have written the key: any word means that the run is not to go on, so the gentler end is taken.
    return Signal.TERMINATE if word == Signal.TERMINATE else Signal.STOP


def records(lines: Iterable[bytes | str]) -> list[dict[str, Any]]:
    """JSON lines of a list."""
    return [json.loads(text_of(line)) for line in lines]


def foreign_failure(item: bytes | str) -> dict[str, Any]:
    """The record of an item in `job:errors`, of which nothing but the item is known."""
    return {
        "item": text_of(item),
        "kind": "failed",
        "reason": "FailedByWorker",
        "attempts": None,
        "worker": None,
        "time": None,
        "error": None,
    }


def result_record(line: bytes | str) -> dict[str, Any]:
    """The item and its result, as a worker stored them."""
    item, result = json.loads(text_of(line))
    return {"item": item, "result": result}


def leased_items(lease: list[Any], now_ms: int) -> list[dict[str, Any]]:
    """The items of one lease, as the script names them."""
    name, end_ms, items, earlier = lease
    worker = text_of(name).rpartition("/")[0]
    left = round((float(end_ms) - now_ms) / 1000, 3)
    return [
        {"item": text_of(item), "worker": worker, "attempt": int(before) + 1, "expires_in_seconds": left}
        for item, before in zip(items, earlier, strict=True)
    ]


def try_record(item: bytes | str, text: bytes | str) -> dict[str, Any]:
    """One line that may be tried again, as the queue stores it: attempts, a blank, the error's JSON."""
    attempts, _, error = text_of(text).partition(" ")
    return {"item": text_of(item), "attempts": int(attempts), "error": json.loads(error) if error else None}


def discrepancies(sums: Mapping[str, int], *, open_contract: bool) -> tuple[str, ...]:
    """The sums that disagree: what was counted as it happened against what is in its place now."""
    found = []
    ended = sums["failed"] + sums["dead"]
    if ended != sums["failures"]:
        found.append(f"{ended} items were counted as failed or dead, but there are {sums['failures']} records of them")
    places = ("queued", "delayed", "held", "leased", "processing", "errors", "failed", "dead")
    rest = sums["total"] - sum(sums[place] for place in places)
    if sums["done"] > rest or (sums["done"] < rest and not open_contract):
        found.append(f"{sums['done']} items were counted as done, but {rest} of {sums['total']} are in no other place")
    if sums["empty_leases"]:
        found.append(f"{sums['empty_leases']} of {sums['leases']} leases hold no item")
    if sums["unlisted_levels"]:
        found.append(f"{sums['unlisted_levels']} priorities have items that no worker looks for")
    return tuple(found)
