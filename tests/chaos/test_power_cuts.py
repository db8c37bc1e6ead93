"""A node lost with the last second of what `appendfsync everysec` had not yet put on disk."""

import itertools
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from chaos.executions import Executions
from chaos.fleet import Fleet
from chaos.power_cut import PowerCut
from chaos.sampling import LedgerSampler
from chaos.surviving import assert_all_ended_well
from chaos.workload import mixed_items, numbers_of
from kubejobs.workqueue.client import WorkQueue
from support.valkey import running_valkey

CUTS = 4
LOST_SECONDS = 1.0
WORKERS = 4
LEASE_SECONDS = 2.0
MAX_ATTEMPTS = 20


class Producer(threading.Thread):
    """Appends items one by one; `confirmed` has when each was confirmed."""

    def __init__(self, queue: WorkQueue, numbers: itertools.count) -> None:
        super().__init__(daemon=True)
        self.confirmed: dict[str, float] = {}
        self._queue = queue
        self._numbers = numbers
        self.enough = threading.Event()

    def run(self) -> None:
        """Append until it is enough."""
        while not self.enough.wait(0.01):
            number = next(self._numbers)
            self._queue.append([f"{number} 1"])
            self.confirmed[str(number)] = time.monotonic()


def test_a_lost_second_is_done_again(tmp_path: Path, note: Callable[[str], None], size: int) -> None:
    """No item of the fill is lost, the sums agree; of late arrivals only those confirmed in a lost second are."""
    items = mixed_items(size // 8, seed=7)
    with running_valkey("--appendonly", "yes", "--appendfsync", "everysec") as server:
        address = server.address("run:")
        variables = {"KUBEJOBS_LEASE_SECONDS": LEASE_SECONDS, "KUBEJOBS_MAX_ATTEMPTS": MAX_ATTEMPTS}
        with WorkQueue(address) as queue:
            queue.fill(items, close=False)
        with (
            WorkQueue(address) as queue,
            WorkQueue(address) as for_producer,
            Fleet(address, tmp_path, **variables) as fleet,
            PowerCut(server) as power,
            LedgerSampler(address, may_lose=True) as sampler,
        ):
            time.sleep(2 * LOST_SECONDS)  # what is filled reaches the disk before the first item is worked on
            producer = Producer(for_producer, itertools.count(len(items)))
            producer.start()
            for _ in range(WORKERS):
                fleet.start()
            chance = random.Random(8)
            cuts, lost_bytes = [], 0
            for cut in range(1, CUTS + 1):
                sampler.wait_for_done(cut * len(items) / (CUTS + 1))
                time.sleep(chance.uniform(0, 0.1))
                lost_bytes += power.strike(LOST_SECONDS)
                cuts.append(time.monotonic())
            producer.enough.set()
            producer.join()
            queue.mark_closed()
            assert_all_ended_well(fleet, sampler)
            counts = queue.snapshot().counts
            assert queue.verify() == ()
        executions = Executions(tmp_path)
    assert counts.done == counts.total
    assert executions.completed >= numbers_of(items)
    forgotten = set(producer.confirmed) - executions.completed
    # One that was done and then lost with its second is in neither number.
    assert len(items) <= counts.total <= len(items) + len(producer.confirmed) - len(forgotten)
    note(
        f"{len(items)} items, {len(producer.confirmed)} late arrivals, {CUTS} times the last {LOST_SECONDS:g} s "
        f"({lost_bytes} bytes) lost: {len(executions.repeated())} runs repeated, {executions.late} acknowledgements "
        f"refused, {len(forgotten)} confirmed late arrivals forgotten"
    )
    # Lost with the second before a cut, never longer ago; the server's restart comes on top.
    assert all(
        min(at - producer.confirmed[one] for at in cuts if at > producer.confirmed[one]) < 3 * LOST_SECONDS
        for one in forgotten
    )
