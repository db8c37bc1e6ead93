"""The helper process as its worker uses it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis

from kubejobs.worker.heartbeat import HelperProcess, ProcessHeartbeat
from kubejobs.worker.helper import process as helper_process
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import LeaseClient
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import process_exists, wait_until
from support.queue_fixtures import expire_leases


@pytest.fixture
def leases(address: QueueAddress) -> Iterator[LeaseClient]:
    """A session."""
    client = LeaseClient(address, "pod-1", lease_seconds=0.3)
    yield client
    client.close()


def test_it_renews_the_lease_that_it_is_told(
    queue: WorkQueue, address: QueueAddress, leases: LeaseClient, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Again and again, until it is told of none; and a helper that was killed is replaced."""
    queue.fill(["a"])
    settings = WorkerSettings(address, "pod-1", lease_seconds=0.15)
    helper = HelperProcess(settings)
    heartbeat = ProcessHeartbeat(settings, helper)
    lease = leases.turn().lease

    def renewed() -> bool:
        return raw.zscore(f"{keys.queued}:leases", lease) > 0

    try:
        for _ in range(2):
            helper._checked_at = 0.0
            heartbeat.watch(lease, 1)
            for _ in range(2):
                expire_leases(raw, keys)
                wait_until(renewed, "the lease is renewed")
            pid = helper.pid
            assert pid
            os.kill(pid, 9)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    finally:
        heartbeat.close()
        helper.close()
    assert not process_exists(pid)


def lease_age(queue: WorkQueue) -> float:
    """Seconds since the first lease."""
    snapshot = queue.snapshot()
    return snapshot.time - (snapshot.first_leased_at or snapshot.time)


def test_one_helper_serves_several_sessions(
    queue: WorkQueue, address: QueueAddress, leases: LeaseClient, ready_port: int, answers: Callable[[int], bool]
) -> None:
    """It renews the lease of each, and the port is closed only when all of them drain."""
    queue.fill(["a", "b"])
    settings = WorkerSettings(address, "pod-1", lease_seconds=0.3, ready_host="127.0.0.1", ready_port=ready_port)
    clients = [LeaseClient(address, "pod-1", lease_seconds=0.3) for _ in range(2)]
    helper = HelperProcess(settings, 2)
    heartbeats = [ProcessHeartbeat(settings, helper, number) for number in range(2)]
    try:
        for client, heartbeat in zip(clients, heartbeats, strict=True):
            heartbeat.open()
            heartbeat.watch(client.turn().lease, 1)
        wait_until(lambda: answers(ready_port), "the port is open")
        for heartbeat in heartbeats:
            assert answers(ready_port)
            heartbeat.drain(draining=True)
        wait_until(lambda: not answers(ready_port), "the port is closed")
        heartbeats[1].drain(draining=False)
        wait_until(lambda: answers(ready_port), "the port is open again")
        wait_until(lambda: lease_age(queue) > 0.6, "two lease times are over")
        assert leases.turn().items == ()
        assert queue.snapshot().counts == Counts(leased=2)
    finally:
        for heartbeat in heartbeats:
            heartbeat.close()
        helper.close()
        for client in clients:
            client.close()


def test_it_gives_back_what_waits(queue: WorkQueue, address: QueueAddress, leases: LeaseClient) -> None:
    """While the worker itself does nothing but work on the first item."""
    queue.fill(["a", "b", "c"])
    settings = WorkerSettings(address, "pod-1", lease_seconds=0.3)
    heartbeat = ProcessHeartbeat(settings)
    try:
        turn = leases.turn(take=3)
        heartbeat.watch(turn.lease, 3)
        assert heartbeat.start(1)
        wait_until(lambda: queue.snapshot().counts == Counts(queued=2, leased=1), "two are given back")
        assert not heartbeat.start(2)
    finally:
        heartbeat.close()


def test_the_helper_loads_no_client_library() -> None:
    """That is what makes a process per worker affordable: it runs without site-packages."""
    program = (
        f"import runpy, sys; runpy.run_path({helper_process.__file__!r}, run_name='helper'); "
        f"sys.path.append({helper_process.__file__.rsplit('/', 4)[0]!r}); import kubejobs.worker.helper.keeping; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'__main__'}))"
    )
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], text=True, capture_output=True, check=True)
    assert ran.stdout.strip() == "['kubejobs']"
