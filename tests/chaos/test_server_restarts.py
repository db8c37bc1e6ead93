"""The queue's server killed with -9 in mid-run, over and over; workers and control reconnect and go on."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.controlled import controlled, plan_of
from chaos.executions import Executions, distribution
from chaos.fleet import Fleet
from chaos.process_cluster import ProcessCluster
from chaos.sampling import LedgerSampler
from chaos.surviving import assert_all_ended_well, assert_nothing_is_lost
from chaos.workload import mixed_items
from kubejobs.control.outcome import OutcomeKind
from kubejobs.workqueue.client import WorkQueue
from support.valkey import ValkeyServer, running_valkey

RESTARTS = 10
WORKERS = 4
LEASE_SECONDS = 20.0
LONGEST_OUTAGE_SECONDS = 1.0


def restart_at_random(server: ValkeyServer, sampler: LedgerSampler, total: int) -> list[float]:
    """Restart the server while the run goes on; seconds that each outage lasted."""
    chance = random.Random(5)
    outages = []
    for moment in sorted(chance.uniform(0.02, 0.9) * total for _ in range(RESTARTS)):
        sampler.wait_for_done(moment)
        time.sleep(chance.uniform(0, 0.02))
        begun = time.monotonic()
        server.kill()
        time.sleep(chance.uniform(0, LONGEST_OUTAGE_SECONDS))
        server.start()
        outages.append(time.monotonic() - begun)
    return outages


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_a_run_goes_on_after_its_server_was_killed(
    tmp_path: Path, note: Callable[[str], None], size: int, fsync: str
) -> None:
    """No item is lost, no worker ends, the journal of control has no gap; with `always` no item is run twice."""
    items = mixed_items(size // 8, seed=6)
    with running_valkey("--appendonly", "yes", "--appendfsync", fsync) as server:
        address = server.address("run:")
        with (
            WorkQueue(address) as queue,
            Fleet(address, tmp_path, KUBEJOBS_LEASE_SECONDS=LEASE_SECONDS) as fleet,
            LedgerSampler(address, total=queue.fill(items), may_lose=fsync == "everysec") as sampler,
            controlled(plan_of(queue, WORKERS), address, ProcessCluster(fleet, WORKERS)) as control,
        ):
            outages = restart_at_random(server, sampler, len(items))
            outcome = control.result(60)
            assert_all_ended_well(fleet, sampler)
            assert (outcome.kind, outcome.success) == (OutcomeKind.DRAINED, True)
            assert len(fleet.workers) == WORKERS
            executions = Executions(tmp_path)
            assert_nothing_is_lost(queue, items, executions)
            if fsync == "always":
                assert executions.repeated() == []
            journal = list(queue.iter_journal())
    assert [line["seq"] for line in journal] == list(range(1, len(journal) + 1))
    restored = sum(line["event"] == "restored" for line in journal)
    note(f"{len(items)} items, {len(outages)} restarts, server away: {distribution(outages)}; 0 lost, 0 counted twice")
    note(
        f"{len(executions.repeated())} runs repeated, {executions.late} late acknowledgements; control noted "
        f"{restored} outages, workers {fleet.messages().count('waiting for the queue')}"
    )
