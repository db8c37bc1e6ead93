"""Workers killed with -9 at random moments, over and over: nothing is lost, nothing is counted twice."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.executions import Executions, distribution
from chaos.fleet import Fleet
from chaos.recovery import first_of_each_worker, recoveries
from chaos.sampling import LedgerSampler
from chaos.surviving import assert_all_ended_well, assert_nothing_is_lost
from chaos.workload import mixed_items, numbers_of
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress

WORKERS = 10
ITEMS_PER_KILL = 500
LEASE_SECONDS = 2.0
# A random kill is no fault of the item's: none may be given up for being hit again and again.
MAX_ATTEMPTS = 20


def kill_at_random(
    fleet: Fleet, sampler: LedgerSampler, queue: WorkQueue, total: int, seed: int
) -> dict[str, set[str]]:
    """Kill and replace workers while the run goes on; what each of them held by the ledger, as numbers of items.

    Half of the workers are to be at work when one is killed, so that recovery is not a matter of how fast this machine
    starts programs; but the next kill is not waited for.
    """
    chance = random.Random(seed)
    moments = sorted(chance.uniform(0.02, 0.95) * total for _ in range(total // ITEMS_PER_KILL))
    held: dict[str, set[str]] = {}
    for moment, following in zip(moments, [*moments[1:], total], strict=True):
        sampler.wait_for_done(moment)
        sampler.wait_for(
            lambda counts, due=following: len(fleet.begun()) >= WORKERS // 2 or counts.done >= due, "workers start"
        )
        time.sleep(chance.uniform(0, 0.02))
        victim = chance.choice(fleet.begun())
        fleet.kill(victim)
        held[victim.name] = numbers_of(
            leased["item"] for leased in queue.iter_leased() if leased["worker"] == victim.name
        )
        fleet.start()
    return held


@pytest.mark.parametrize(
    ("batch", "part", "milliseconds"),
    [pytest.param("auto", 1, 4.0, id="batches"), pytest.param("1", 4, 6.0, id="one by one")],
)
def test_killed_workers_lose_nothing(
    queue: WorkQueue,
    address: QueueAddress,
    tmp_path: Path,
    note: Callable[[str], None],
    size: int,
    batch: str,
    part: int,
    milliseconds: float,
) -> None:
    """Every item is run to its end and counted once; only what a killed worker held is run again."""
    items = mixed_items(size // part, seed=1, mean_milliseconds=milliseconds)
    total = queue.fill(items)
    variables = {
        "KUBEJOBS_BATCH": batch,
        "KUBEJOBS_LEASE_SECONDS": LEASE_SECONDS,
        "KUBEJOBS_MAX_ATTEMPTS": MAX_ATTEMPTS,
    }
    begun = time.monotonic()
    with Fleet(address, tmp_path, **variables) as fleet, LedgerSampler(address, total=total) as sampler:
        for _ in range(WORKERS):
            fleet.start()
        held = kill_at_random(fleet, sampler, queue, total, seed=2)
        assert_all_ended_well(fleet, sampler)
    seconds = time.monotonic() - begun
    executions = Executions(tmp_path)
    assert_nothing_is_lost(queue, items, executions)
    assert executions.unexplained(fleet.killed) == []
    assert len(fleet.killed) == total // ITEMS_PER_KILL
    note(
        f"{total} items, {len(fleet.killed)} kills, {seconds:.0f} s, {sampler.looks} looks at the ledger: 0 lost, "
        f"0 counted twice, {len(executions.repeated())} runs repeated, {executions.late} late acknowledgements refused"
    )
    found = recoveries(executions, fleet.killed, held)
    note("kill to second start, interrupted items: " + distribution(r.seconds for r in found if r.interrupted))
    note("kill to next start, all that killed workers held: " + distribution(r.seconds for r in found))
    note("kill to next start, the first item of each killed worker: " + distribution(first_of_each_worker(found)))
