"""A worker that was written for the original, with redis-py calls only, works a run off unchanged."""

import asyncio
from pathlib import Path

from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress, Signal
from support.processes import python, started, wait_until, worker_environment

SCRIPT = Path(__file__).with_name("foreign_worker.py")


def recover(address: QueueAddress, grace_seconds: float) -> int:
    """One look of the control loop for expired leases."""

    async def inside() -> int:
        async with AsyncWorkQueue(address, foreign_grace_seconds=grace_seconds) as queue:
            return await queue.recover_expired()

    return asyncio.run(inside())


def test_it_works_a_run_off(queue: WorkQueue, address: QueueAddress) -> None:
    """Two of them end with 0, and every item is done or failed in the ledger."""
    queue.fill([f"item {number}" for number in range(200)] + ["bad 1", "bad 2"])
    command = python(SCRIPT, address.prefix, 60)
    environment = worker_environment(address)
    with started(*command, env=environment) as one, started(*command, env=environment) as two:
        assert (one.wait(60), two.wait(60)) == (0, 0)
    snapshot = queue.snapshot()
    assert snapshot.counts == Counts(done=200, failed=2)
    assert sorted(record["item"] for record in queue.iter_failures()) == ["bad 1", "bad 2"]
    assert snapshot.deliveries == 202


def test_what_a_killed_one_had_is_put_back(queue: WorkQueue, address: QueueAddress) -> None:
    """After kill -9 its lease key expires and control puts the item back, once."""
    queue.fill(["hang"])
    with started(*python(SCRIPT, address.prefix, 1), env=worker_environment(address)) as worker:
        wait_until(lambda: queue.snapshot().counts.leased == 1, "the item is leased")
        assert recover(address, 0.1) == 0
        worker.kill()
    wait_until(lambda: recover(address, 0.1) == 1, "the item is put back")
    assert queue.snapshot().counts == Counts(queued=1)


def test_it_ends_when_the_run_is_stopped(queue: WorkQueue, address: QueueAddress) -> None:
    """It sees an empty queue, although it knows nothing of the control key."""
    queue.fill([f"item {number}" for number in range(100_000)])

    async def stop() -> int:
        async with AsyncWorkQueue(address) as control:
            await control.signal_run(Signal.STOP)
            return await control.hold_queued()

    with started(*python(SCRIPT, address.prefix, 60), env=worker_environment(address)) as worker:
        wait_until(lambda: queue.snapshot().counts.done, "the first item is done")
        held = asyncio.run(stop())
        assert worker.wait(30) == 0
    counts = queue.snapshot().counts
    assert (counts.held, counts.done) == (held, 100_000 - held)
    assert held > 0
