"""Adaptive batches and late arrivals, by workers as processes."""

from collections import Counter
from pathlib import Path

import pytest

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import python, started, wait_until, worker_environment

# Each start is a line in a file, written in one step; the item `long` waits for another file.
LOOP = """
import os, sys, time
from kubejobs.worker import connect

log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
with connect() as queue:
    for item in queue.items():
        os.write(log, f"{item.value} {item.attempt}\\n".encode())
        while item.value == "long" and not os.path.exists(sys.argv[2]):
            time.sleep(0.01)
"""

PRODUCER = """
from kubejobs.worker import connect

with connect() as queue:
    for item in queue.items():
        item.result(item.value)
        if item.value == "first":
            queue.append(["low", "later"])
            assert queue.append(["high"], priority=5) == 4
        if item.value == "later":
            queue.close_queue()
"""


def test_short_items_go_in_batches_and_long_ones_hold_nobody_up(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """Each item once, and all that waited behind a long one while that still runs."""
    lines = [*map(str, range(3000)), "long", *map(str, range(3000, 4000))]
    queue.fill(lines)
    log, go = tmp_path / "log", tmp_path / "go"
    command = python("-c", LOOP, log, go)
    environment = worker_environment(address)
    with started(*command, env=environment) as one, started(*command, env=environment) as two:
        wait_until(lambda: log.exists() and log.read_text().count("\n") == len(lines), "everything is started")
        assert queue.snapshot().counts.leased
        go.touch()
        assert (one.wait(30), two.wait(30)) == (0, 0)
    snapshot = queue.snapshot()
    assert (snapshot.counts, snapshot.durations.count) == (Counts(done=len(lines)), len(lines))
    assert Counter(log.read_text().splitlines()) == Counter(f"{line} 1" for line in lines)


@pytest.mark.parametrize("batch", ["auto", 1, 10])
def test_a_worker_may_add_items_and_end_the_queue(queue: WorkQueue, address: QueueAddress, batch: int | str) -> None:
    """Late arrivals count, those of a higher priority come first, and the run ends only when it is said."""
    queue.fill(["first"], close=False)
    with started(*python("-c", PRODUCER), env=worker_environment(address, KUBEJOBS_BATCH=batch)) as worker:
        assert worker.wait(30) == 0, worker.communicate()
    assert queue.snapshot().counts == Counts(done=4)
    assert [record["item"] for record in queue.iter_results()] == ["first", "high", "low", "later"]
