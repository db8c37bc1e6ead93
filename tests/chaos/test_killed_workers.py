"""Workers killed with -9 at random moments, over and over: nothing is lost, nothing is counted twice."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.executions import Executions, distribution
from chaos.fleet import Fleet
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
    """Kill and replace workers while the run goes on; what each of them held by the ledger, as numbers of items."""
    chance = random.Random(seed)
    kills = total // ITEMS_PER_KILL
    held: dict[str, set[str]] = {}
    for moment in sorted(chance.uniform(0.02, 0.95) * total for _ in range(kills)):
        sampler.wait_for_done(moment)
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
    [pytest.param("auto", 1, 2.0, id="batches"), pytest.param("1", 4, 6.0, id="one by one")],
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
    interrupted = {log.worker: {run.item for run in log.runs if run.ended is None} for log in executions.logs.values()}
    note("interrupted items, kill to second start: " + distribution(waits(executions, fleet.killed, interrupted)))
    note(
        "all items that killed workers held, kill to next start: " + distribution(waits(executions, fleet.killed, held))
    )


def waits(executions: Executions, killed: dict[str, float], held: dict[str, set[str]]) -> Iterator[float]:
    """Seconds from the kill of a worker to the next start of each item that it held; of several kills the last."""
    last_kill: dict[tuple[str, float], float] = {}
    for worker, items in held.items():
        for item in items:
            if worker in killed and (start := executions.next_start(item, killed[worker])) is not None:
                last_kill[item, start] = max(last_kill.get((item, start), 0.0), killed[worker])
    return (start - kill for (_, start), kill in last_kill.items())
