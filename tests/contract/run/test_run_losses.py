"""Workers that are lost with an item in hand: what the ledger says of it."""

from __future__ import annotations

import pytest

from contract.run.conftest import Run
from contract.run.lifecycle import cleaned, controlled, deployed, needs_workers
from kubejobs.cluster.client import read_queue_address
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts

HUNGRY = """
from kubejobs.worker import connect

with connect() as queue:
    for item in queue.items():
        item.result(sum(b"1" * int(item.value) * 2**20) // 49 // 2**20)
"""


@pytest.mark.timeout(300)
def test_an_item_that_takes_all_memory_says_so(run: Run) -> None:
    """Its worker is OOM-killed each time; it is given up after its attempts, and takes no other item with it."""
    needs_workers(run)
    plan = deployed(
        run,
        ["1", "2", "900", "3", "4"],
        command=["python3", "-c", HUNGRY],
        resources={"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "160Mi"}},
        queue={"lease_seconds": 600, "max_attempts": 2},
        expected_time=300,
        scaling={"check_interval": 1, "max_replicas": 1},
    )
    outcome = controlled(run, plan)
    address = read_queue_address(run.target.cluster, run.target.run, run.kube.ns)
    assert address is not None
    with WorkQueue(address) as queue:
        assert queue.snapshot().counts == Counts(done=4, dead=1), outcome.message
        assert queue.verify() == ()
        (failure,) = queue.iter_failures()
        exits = list(queue.iter_exits())
        lost = [line for line in queue.iter_journal() if line["event"] == "workers_lost"]
    assert (failure["item"], failure["reason"], failure["attempts"]) == ("900", "OOMKilled", 2)
    assert failure["error"]["type"] == "OOMKilled"
    assert [(one["reason"], one["exit_code"], one["blames_items"]) for one in exits] == [("OOMKilled", 137, True)] * 2
    assert len(lost) == 2
    assert not outcome.success
    assert cleaned(run) == []
