"""Items that kill their workers, again and again: they end as dead, and take no other item with them."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.executions import Executions
from chaos.fleet import Fleet, Worker
from chaos.sampling import LedgerSampler
from chaos.workload import mixed_items, numbers_of
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress, WorkerExit

WORKERS = 4
MAX_ATTEMPTS = 3
ITEMS_PER_POISON = 100
OOM = WorkerExit("OOMKilled", "its container used more memory than its limit", 137)


def poisoned_items(count: int) -> tuple[list[str], set[str]]:
    """Items of which every hundredth kills its worker, and two in a row at the start; the numbers of those."""
    items = mixed_items(count, seed=11)
    poison = {0, 1, *range(ITEMS_PER_POISON, count, ITEMS_PER_POISON)}
    return [f"{item} poison" if at in poison else item for at, item in enumerate(items)], set(map(str, poison))


def work_off(fleet: Fleet, sampler: LedgerSampler, on_death: Callable[[Worker], None]) -> None:
    """Keep the number of workers until no item is open; those that were killed are replaced."""
    for _ in range(WORKERS):
        fleet.start()
    noticed: set[str] = set()

    def replaced(counts: Counts) -> bool:
        for worker in fleet.workers:
            if worker.process.poll() == -signal.SIGKILL and worker.name not in noticed:
                noticed.add(worker.name)
                fleet.killed[worker.name] = time.monotonic()
                on_death(worker)
                fleet.start()
        return counts.total > 0 and not counts.open

    sampler.wait_for(replaced, "no item is open")
    assert set(fleet.wait_for_ends()) == {0}, fleet.messages()


def assert_only_poison_died(queue: WorkQueue, items: list[str], poison: set[str], executions: Executions) -> None:
    """The poison is dead after its attempts, all else is done."""
    assert queue.snapshot().counts == Counts(done=len(items) - len(poison), dead=len(poison))
    assert queue.verify() == ()
    assert executions.completed == numbers_of(items) - poison
    assert executions.unexplained(executions.logs) == []
    assert {len(executions.of_item[item]) for item in poison} == {MAX_ATTEMPTS}


@pytest.mark.parametrize("batch", ["1", "auto"])
def test_poison_dies_alone(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path, note: Callable[[str], None], size: int, batch: str
) -> None:
    """After `max_attempts` leases that ran out it is dead; the others of its batch are done."""
    items, poison = poisoned_items(size // 100)
    variables = {"KUBEJOBS_BATCH": batch, "KUBEJOBS_LEASE_SECONDS": 0.6, "KUBEJOBS_MAX_ATTEMPTS": MAX_ATTEMPTS}
    with (
        Fleet(address, tmp_path, **variables) as fleet,
        LedgerSampler(address, total=queue.fill(items)) as sampler,
    ):
        work_off(fleet, sampler, lambda _: None)
    assert sampler.problems == []
    executions = Executions(tmp_path)
    assert_only_poison_died(queue, items, poison, executions)
    failures = list(queue.iter_failures())
    assert numbers_of(failure["item"] for failure in failures) == poison
    assert {(one["kind"], one["reason"], one["attempts"]) for one in failures} == {
        ("dead", "LeaseExpired", MAX_ATTEMPTS)
    }
    note(
        f"{len(items)} items, {len(poison)} of them poison: {len(fleet.killed)} workers killed, {len(poison)} dead, "
        f"{len(items) - len(poison)} done, {len(executions.repeated())} runs repeated"
    )


@pytest.mark.parametrize("batch", ["1", "auto"])
def test_an_item_that_was_too_large_says_so(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path, note: Callable[[str], None], size: int, batch: str
) -> None:
    """Where control notes how the workers ended, items come back without waiting for the lease, and name the reason."""
    items, poison = poisoned_items(size // 100)
    variables = {"KUBEJOBS_BATCH": batch, "KUBEJOBS_LEASE_SECONDS": 600, "KUBEJOBS_MAX_ATTEMPTS": MAX_ATTEMPTS}

    def record(worker: Worker) -> None:
        asyncio.run(record_exit(address, worker.name))

    with (
        Fleet(address, tmp_path, **variables) as fleet,
        LedgerSampler(address, total=queue.fill(items)) as sampler,
    ):
        work_off(fleet, sampler, record)
    assert sampler.problems == []
    executions = Executions(tmp_path)
    assert_only_poison_died(queue, items, poison, executions)
    failures = list(queue.iter_failures())
    assert {(one["kind"], one["reason"], one["error"]["message"]) for one in failures} == {
        ("dead", "OOMKilled", OOM.message)
    }
    exits = list(queue.iter_exits())
    assert {one["worker"] for one in exits} == set(fleet.killed)
    assert {(one["reason"], one["exit_code"]) for one in exits} == {("OOMKilled", 137)}
    note(f"{len(items)} items, {len(fleet.killed)} workers out of memory: {len(failures)} dead, each OOMKilled")


async def record_exit(address: QueueAddress, worker: str) -> None:
    """What control does when it sees that a pod has ended."""
    async with AsyncWorkQueue(address, max_attempts=MAX_ATTEMPTS) as queue:
        await queue.record_exits({worker: OOM})
