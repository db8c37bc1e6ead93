"""Connections that break in the middle of requests and replies: what is sent again counts once."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from chaos.cutting_proxy import CuttingProxy
from chaos.executions import Executions
from chaos.fleet import Fleet
from chaos.sampling import LedgerSampler
from chaos.surviving import assert_all_ended_well, assert_nothing_is_lost
from chaos.workload import mixed_items
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress
from support.valkey import ValkeyServer

CUT = 0.03
ITEMS_PER_APPEND = 10


def test_what_is_sent_again_counts_once(
    queue: WorkQueue,
    valkey: ValkeyServer,
    address: QueueAddress,
    tmp_path: Path,
    note: Callable[[str], None],
    size: int,
) -> None:
    """Turns and late arrivals whose replies are lost change the ledger once, and no item is run twice."""
    first, late = size // 25, size // 50
    items = mixed_items(first + late, seed=3)
    queue.fill(items[:first], close=False)
    with (
        CuttingProxy(valkey.port, cut=CUT, seed=4) as proxy,
        Fleet(dataclasses.replace(address, port=proxy.port), tmp_path, KUBEJOBS_LEASE_SECONDS=10) as fleet,
        LedgerSampler(address) as sampler,
    ):
        for batch in (1, 1, 10, "auto"):
            fleet.start(KUBEJOBS_BATCH=batch)
        with WorkQueue(dataclasses.replace(address, port=proxy.port)) as producer:
            for at in range(first, first + late, ITEMS_PER_APPEND):
                producer.append(items[at : at + ITEMS_PER_APPEND])
        queue.mark_closed()
        assert_all_ended_well(fleet, sampler)
        note(
            f"{first} items and {late} late arrivals: {proxy.cut_requests} requests and {proxy.cut_replies} replies cut"
        )
        assert min(proxy.cut_requests, proxy.cut_replies) > 0
    executions = Executions(tmp_path)
    assert_nothing_is_lost(queue, items, executions)
    assert executions.unexplained(()) == []
    note(f"0 lost, {len(executions.repeated())} runs repeated, {executions.late} late acknowledgements")
