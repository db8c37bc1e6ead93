"""The helper process that renews leases."""

import ast
import mmap
import os
import sys
from pathlib import Path

import pytest
import redis

from kubejobs.worker import heartbeat_process
from kubejobs.worker.heartbeat import Heartbeat
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import LeaseClient
from kubejobs.workqueue.types import QueueAddress
from support.processes import process_exists, wait_until
from support.queue_fixtures import expire_leases

TREE = ast.parse(Path(heartbeat_process.__file__).read_text())


@pytest.mark.parametrize("lease", ["", "pod-1/abc.1", "p" * 900], ids=["none", "usual", "long"])
def test_the_shared_lease_is_read_as_written(lease: str) -> None:
    """Whatever was there before."""
    with mmap.mmap(-1, heartbeat_process.AREA_BYTES) as area:
        heartbeat_process.write_lease(area, "an earlier, longer lease")
        heartbeat_process.write_lease(area, lease)
        assert heartbeat_process.read_lease(area) == lease


def test_it_renews_the_lease_that_it_is_told(
    queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Again and again, until it is told of none; and a helper that was killed is replaced."""
    queue.fill(["a"])
    leases = LeaseClient(address, "pod-1", lease_seconds=0.15)
    heartbeat = Heartbeat(WorkerSettings(address, "pod-1", lease_seconds=0.15))
    lease = leases.turn().lease

    def renewed() -> bool:
        return raw.zscore(f"{keys.queued}:leases", lease) > 0

    try:
        for _ in range(2):
            heartbeat._checked_at = 0.0
            heartbeat.watch(lease)
            for _ in range(2):
                expire_leases(raw, keys)
                wait_until(renewed, "the lease is renewed")
            assert heartbeat._process
            pid = heartbeat._process.pid
            os.kill(pid, 9)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    finally:
        heartbeat.close()
        leases.close()
    assert not process_exists(pid)


def test_it_needs_the_standard_library_only() -> None:
    """It does not load the client library: that is what makes a process per worker affordable."""
    names = {node.names[0].name for node in ast.walk(TREE) if isinstance(node, ast.Import)}
    names |= {node.module or "" for node in ast.walk(TREE) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
