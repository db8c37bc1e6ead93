"""A server that stands still for longer than the leases last."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from chaos.executions import Executions
from chaos.fleet import Fleet
from chaos.sampling import LedgerSampler
from chaos.surviving import assert_all_ended_well, assert_nothing_is_lost
from chaos.workload import mixed_items
from kubejobs.workqueue.client import WorkQueue
from support.valkey import ValkeyServer, running_valkey

WORKERS = 4
LEASE_SECONDS = 1.0
PAUSE_SECONDS = 2.5


def pause(server: ValkeyServer) -> None:
    """Let the server stand still for longer than a lease lasts."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        time.sleep(PAUSE_SECONDS)
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_a_pause_that_outlasts_the_leases(tmp_path: Path, note: Callable[[str], None], size: int) -> None:
    """What was leased may be run twice then, but is counted once: the late acknowledgement is refused and reported."""
    items = mixed_items(size // 50, seed=9, mean_milliseconds=20)
    with running_valkey() as server:
        address = server.address("run:")
        variables = {"KUBEJOBS_LEASE_SECONDS": LEASE_SECONDS, "KUBEJOBS_MAX_ATTEMPTS": 10}
        with (
            WorkQueue(address) as queue,
            Fleet(address, tmp_path, **variables) as fleet,
            LedgerSampler(address, total=queue.fill(items)) as sampler,
        ):
            for _ in range(WORKERS):
                fleet.start()
            for share in (0.2, 0.6):
                sampler.wait_for_done(share * len(items))
                pause(server)
            assert_all_ended_well(fleet, sampler)
            executions = Executions(tmp_path)
            assert_nothing_is_lost(queue, items, executions)
    assert executions.unexplained(()) == []
    note(
        f"{len(items)} items, 2 pauses of {PAUSE_SECONDS:g} s with leases of {LEASE_SECONDS:g} s: 0 lost, "
        f"{len(executions.repeated())} runs repeated, {executions.late} late acknowledgements refused, 0 counted twice"
    )
