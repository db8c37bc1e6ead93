"""Bring a run into one state by the client library, and print its ledger: `memory_states.py STATE ITEMS`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace

import enqueue

from kubejobs.worker import Item, WorkerQueue, WorkerSettings
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.leasing import RetryDelays

BATCH = 500
AN_HOUR = RetryDelays(3600.0, 3600.0)
TRACEBACK = "".join(
    f'  File "/usr/lib/python3.11/site-packages/some_package/part_{n}.py", line {n}, in function_{n}\n'
    f"    value = another_function(argument_{n}, option=True)\n"
    for n in range(5)
)
"""As long as a usual one: about 0.7 KB."""
RESULT = {"frames": 1234, "mean": 0.125, "ok": True}


def ended(state: str, item: Item, place: int) -> None:
    """Say how an item ends in this state; nothing said is done."""
    if state in {"delayed", "dead"}:
        item.fail(f"the object {item.value} has no readable header", tail=TRACEBACK)
    elif state == "results" and place % 2:
        item.result(RESULT)


def main() -> None:
    """Fill, work off, print the ledger's sums."""
    state, count = sys.argv[1], int(sys.argv[2])
    attempts = 1 if state == "dead" else 3
    settings = replace(WorkerSettings.from_environment(), max_attempts=attempts, delays=AN_HOUR, batch=BATCH)
    with WorkQueue(settings.address) as queue:
        queue.fill(enqueue.items_for("noop", count))
        if state != "queued":
            with WorkerQueue(settings) as worker:
                for place, item in enumerate(worker.items(BATCH), 1):
                    ended(state, item, place)
                    if place == count:
                        break
        sys.stdout.write(json.dumps(asdict(queue.snapshot().counts)) + "\n")


if __name__ == "__main__":
    main()
