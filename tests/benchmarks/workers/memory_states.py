"""Bring a run into one state by the client library, and print its ledger: `memory_states.py STATE ITEMS`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace

import enqueue

from kubejobs.worker import Item, WorkerQueue, WorkerSettings
from kubejobs.worker.item import error_record
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, RetryDelays

BATCH = 500
AN_HOUR = RetryDelays(3600.0, 3600.0)
TRACEBACK = "".join(
    f'  File "/usr/lib/python3.11/site-packages/some_package/part_{n}.py", line {n}, in function_{n}\n'
    f"    value = another_function(argument_{n}, option=True)\n"
    for n in range(5)
)
"""As long as a usual one: about 0.7 KB."""
RESULT = {"frames": 1234, "mean": 0.125, "ok": True}


def message_of(item: str) -> str:
    """What went wrong with an item: no two messages are alike."""
    return f"the object {item} has no readable header"


def error_of(item: str) -> str:
    """The record that the library makes of it."""
    return error_record(message_of(item), TRACEBACK)


def ended(state: str, item: Item, place: int) -> None:
    """Say how an item ends in this state; nothing said is done."""
    if state == "delayed":
        item.fail(message_of(item.value), tail=TRACEBACK)
    elif state == "results" and place % 2:
        item.result(RESULT)


def work_off(settings: WorkerSettings, state: str, count: int) -> None:
    """Lease every item once and end it as the state asks for."""
    with WorkerQueue(settings) as worker:
        for place, item in enumerate(worker.items(BATCH), 1):
            ended(state, item, place)
            if place == count:
                return


def give_up(settings: WorkerSettings) -> None:
    """Let every item's only attempt fail. By the lease client, as the library leases such items one by one."""
    client = LeaseClient(settings.address, settings.worker, max_attempts=1)
    outcomes: list[Outcome] = []
    while items := client.turn(outcomes, take=BATCH).items:
        outcomes = [Outcome(place, Ending.RETRY, error_of(item)) for place, item in enumerate(items, 1)]
    client.close()


def main() -> None:
    """Fill, work off, print the ledger's sums."""
    state, count = sys.argv[1], int(sys.argv[2])
    settings = replace(WorkerSettings.from_environment(), delays=AN_HOUR, batch=BATCH)
    with WorkQueue(settings.address) as queue:
        queue.fill(enqueue.items_for("noop", count))
        if state == "dead":
            give_up(settings)
        elif state != "queued":
            work_off(settings, state, count)
        sys.stdout.write(json.dumps(asdict(queue.snapshot().counts)) + "\n")


if __name__ == "__main__":
    main()
