"""Scale-downs that waste nothing: workers are asked to drain, and only those that have are removed."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from chaos.draining import DrainingJob
from chaos.executions import Executions, distribution
from chaos.fleet import Fleet
from chaos.sampling import LedgerSampler
from chaos.surviving import assert_nothing_is_lost
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress

# At this share of the work the Job is to have so many workers.
SIZES = ((0.0, 12), (0.25, 3), (0.45, 10), (0.9, 1))
SIGTERM_EXIT_CODE = 143
# With fewer the run is over while workers still wait to be removed, and they end by themselves.
FEWEST_ITEMS = 250


def test_no_item_is_interrupted_by_a_scale_down(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path, note: Callable[[str], None], size: int
) -> None:
    """12 workers, then 3, 10 and 1: every item is started once and run to its end."""
    chance = random.Random(12)
    items = [f"{number} {chance.uniform(100, 500):.0f}" for number in range(max(size // 200, FEWEST_ITEMS))]
    with (
        Fleet(address, tmp_path) as fleet,
        LedgerSampler(address, total=queue.fill(items)) as sampler,
    ):

        async def scale() -> DrainingJob:
            async with AsyncWorkQueue(address) as control:
                job = DrainingJob(fleet, control)
                for share, replicas in SIZES:
                    await asyncio.to_thread(sampler.wait_for_done, share * len(items))
                    await job.scale_to(replicas)
                return job

        job = asyncio.run(scale())
        exit_codes = set(fleet.wait_for_ends())
    executions = Executions(tmp_path)
    assert_nothing_is_lost(queue, items, executions)
    assert sampler.problems == []
    assert executions.repeated() == []
    assert [run for runs in executions.of_item.values() for run in runs if run.ended is None] == []
    assert queue.snapshot().deliveries == len(items)
    assert exit_codes == {0, SIGTERM_EXIT_CODE}
    assert {worker.process.returncode for worker in job.removed} == {SIGTERM_EXIT_CODE}
    note(
        f"{len(items)} items of 0.1 to 0.5 s, 12 → 3 → 10 → 1 workers: {len(job.removed)} removed, 0 interrupted, "
        f"0 run twice; request to removal: {distribution(job.drain_seconds)}"
    )
