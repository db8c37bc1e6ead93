"""A queue that is away, lost or shared; draining and the readiness of the pod."""

import signal
import socket
from pathlib import Path

import pytest
import redis

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import wait_until
from support.valkey import running_valkey

from .conftest import Runner

COUNTING = 'echo x >> "{0}/$KUBEJOBS_ITEM"; [ $KUBEJOBS_ITEM != wait ] || until [ -e {0}/go ]; do sleep 0.02; done'


def is_ready(port: int) -> bool:
    """Whether a probe of the port succeeds."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_run_survives_its_server(runner: Runner, tmp_path: Path) -> None:
    """With every write on disk, a server killed in mid-run costs nothing: no item is lost or done twice."""
    with running_valkey("--appendonly", "yes", "--appendfsync", "always") as server:
        address = server.address("r:")
        with WorkQueue(address) as queue:
            items = [*map(str, range(10)), "wait", *map(str, range(10, 20))]
            queue.fill(items)
            with runner.start(address, "--", "sh", "-c", COUNTING.format(tmp_path)) as process:
                wait_until((tmp_path / "wait").exists, "half of the items are done")
                server.restart()
                (tmp_path / "go").touch()
                assert process.wait(60) == 0
            assert queue.snapshot().counts == Counts(done=21)
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.name != "go"} == dict.fromkeys(
        items, "x\n"
    )


def test_a_server_that_comes_late_is_waited_for(runner: Runner, tmp_path: Path) -> None:
    """A worker's pod may be there before the queue's: the runner says what it waits for."""
    with running_valkey("--appendonly", "yes", "--appendfsync", "always") as server:
        address = server.address("r:")
        with WorkQueue(address) as queue:
            queue.fill(["a"])
            server.kill()
            with runner.start(address, "--", "true", options={"bufsize": 1}) as process:
                assert process.stderr is not None
                assert "waiting for the queue" in process.stderr.readline()
                server.start()
                assert process.wait(60) == 0
            assert queue.snapshot().counts == Counts(done=1)


def test_scripts_that_the_server_forgot_are_sent_again(
    runner: Runner, queue: WorkQueue, address: QueueAddress, raw: redis.Redis, tmp_path: Path
) -> None:
    """As after a failover to a server that never had them."""
    queue.fill(["wait", "b"])
    with runner.start(address, "--", "sh", "-c", COUNTING.format(tmp_path)) as process:
        wait_until((tmp_path / "wait").exists, "the command runs")
        raw.script_flush()
        (tmp_path / "go").touch()
        assert process.wait(30) == 0
    assert queue.snapshot().counts == Counts(done=2)


def test_a_queue_that_is_lost_in_mid_run_ends_the_runner(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """After a while of waiting; the exit code says so."""
    queue.fill(["wait", "b"])
    command = ("--", "sh", "-c", COUNTING.format(tmp_path))
    with runner.start(address, *command, KUBEJOBS_LOST_SECONDS=0.3) as process:
        wait_until((tmp_path / "wait").exists, "the command runs")
        queue.delete_run()
        (tmp_path / "go").touch()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "does not hold this run" in errors


def test_a_runner_waits_for_what_may_come(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """It ends only when nothing is queued, leased or delayed and the queue is closed; higher priorities go first."""
    queue.fill(["a"], close=False)
    with runner.start(address, "--", "true") as process:
        wait_until(lambda: queue.snapshot().counts.done, "the item is done")
        queue.append(["b"], priority=5)
        wait_until(lambda: queue.snapshot().counts.done == 2, "the late item is done")
        assert process.poll() is None
        queue.mark_closed()
        assert process.wait(30) == 0


def test_a_lease_that_expired_is_acknowledged_no_more(
    runner: Runner, queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys, tmp_path: Path
) -> None:
    """Where another worker has the item, the late acknowledgement changes nothing and is reported."""
    queue.fill(["wait"])
    with runner.start(address, "--", "sh", "-c", COUNTING.format(tmp_path)) as process:
        wait_until((tmp_path / "wait").exists, "the command runs")
        [lease] = raw.zrange(keys.leases, 0, -1)
        raw.zrem(keys.leases, lease)
        raw.rename(f"{keys.queued}:lease:{lease}", keys.queued)
        (tmp_path / "go").touch()
        _, errors = process.communicate(timeout=30)
    assert "expired before they were acknowledged" in errors
    assert (tmp_path / "wait").read_text() == "x\nx\n"
    assert queue.snapshot().counts == Counts(done=1)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_drained_runner_turns_not_ready(
    runner: Runner,
    queue: WorkQueue,
    address: QueueAddress,
    raw: redis.Redis,
    keys: QueueKeys,
    tmp_path: Path,
    concurrency: int,
) -> None:
    """When all its sessions are idle, and not before; with the request taken back it is ready and works again."""
    port = free_port()
    queue.fill(["wait"], close=False)
    command = (f"--concurrency={concurrency}", "--", "sh", "-c", COUNTING.format(tmp_path))
    variables = {"POD_IP": "127.0.0.1", "KUBEJOBS_READY_PORT": port, "POD_NAME": "pod"}
    with runner.start(address, *command, **variables) as process:
        wait_until((tmp_path / "wait").exists, "the command runs")
        wait_until(lambda: is_ready(port), "the runner is ready")
        raw.set(f"{keys.queued}:drain", 1)
        if concurrency > 1:
            wait_until(lambda: raw.hkeys(f"{keys.queued}:drained") == ["pod"], "the idle session drains")
        assert is_ready(port)
        (tmp_path / "go").touch()
        wait_until(lambda: not is_ready(port), "the runner is drained")
        assert queue.snapshot().counts == Counts(done=1)
        queue.append(["b"])
        raw.delete(f"{keys.queued}:drain", f"{keys.queued}:drained")
        wait_until(lambda: queue.snapshot().counts.done == 2, "it works again")
        wait_until(lambda: is_ready(port), "it is ready again")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert not is_ready(port)


def test_a_drained_runner_ends_with_its_run(
    runner: Runner, queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Once nothing is left to do it ends like the others."""
    queue.fill(["a"], close=False)
    with runner.start(address, "--", "true") as process:
        wait_until(lambda: queue.snapshot().counts.done, "the item is done")
        raw.set(f"{keys.queued}:drain", 1)
        wait_until(lambda: raw.hlen(f"{keys.queued}:drained"), "it drains")
        queue.mark_closed()
        assert process.wait(30) == 0


def test_runners_share_the_port_of_their_pod(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """Two in one pod: it is ready while one of them is."""
    port = free_port()
    queue.fill(["a"], close=False)
    variables = {"POD_IP": "127.0.0.1", "KUBEJOBS_READY_PORT": port}
    with runner.start(address, "--", "true", **variables) as first:
        wait_until(lambda: is_ready(port), "the first is ready")
        with runner.start(address, "--", "true", **variables) as second:
            wait_until(lambda: queue.snapshot().sessions == 2, "both run")
            first.send_signal(signal.SIGTERM)
            assert first.wait(30) == 143
            wait_until(lambda: is_ready(port), "the second keeps the pod ready")
            second.send_signal(signal.SIGTERM)
            assert second.wait(30) == 143
