"""How runners end: told to, killed, or unable to work."""

import os
import signal
from pathlib import Path

import pytest

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress, Signal
from support.processes import process_exists, wait_until

from .conftest import Runner

WAITING = 'touch "{0}/$KUBEJOBS_ITEM"; until [ -e {0}/go ]; do sleep 0.02; done'


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        pytest.param("finish", Counts(queued=2, done=1), id="finish"),
        pytest.param("pass", Counts(queued=3), id="pass"),
    ],
)
def test_a_sigterm_ends_the_runner(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path, mode: str, counts: Counts
) -> None:
    """The command is let finish, or given the signal and its item back uncounted; the rest of the lease too."""
    queue.fill(["a", "b", "c"])
    command = (f"--on-sigterm={mode}", "--", "sh", "-c", WAITING.format(tmp_path))
    with runner.start(address, *command, KUBEJOBS_BATCH=2) as process:
        wait_until((tmp_path / "a").exists, "the command runs")
        process.send_signal(signal.SIGTERM)
        if mode == "finish":
            (tmp_path / "go").touch()
        assert process.wait(30) == 143
    assert queue.snapshot().counts == counts
    assert list(queue.iter_retrying()) == []
    assert queue.snapshot().sessions == 0


def test_a_command_that_ends_well_after_its_sigterm_is_done(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """A program that handles the signal and exits with 0 has done its item."""
    queue.fill(["a", "b"])
    script = f"trap 'exit 0' TERM; touch {tmp_path}/a; while :; do sleep 0.02; done"
    with runner.start(address, "--on-sigterm", "pass", "--", "sh", "-c", script) as process:
        wait_until((tmp_path / "a").exists, "the command runs")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert queue.snapshot().counts == Counts(queued=1, done=1)


def test_a_sigterm_ends_an_idle_runner(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """One that waits for items leaves too."""
    queue.fill(["a"], close=False)
    with runner.start(address, "--", "true") as process:
        wait_until(lambda: queue.snapshot().counts.done, "the item is done")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143


def test_a_stopped_run_ends_its_runners_well(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """The item at hand is finished, and the exit code is 0."""
    queue.fill(["a", "b"])
    with runner.start(address, "--", "sh", "-c", WAITING.format(tmp_path)) as process:
        wait_until((tmp_path / "a").exists, "the command runs")
        queue.signal_run(Signal.STOP)
        (tmp_path / "go").touch()
        assert process.wait(30) == 0
    assert queue.snapshot().counts == Counts(queued=1, done=1)


def test_an_item_whose_runner_is_killed_is_done_by_another(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """After kill -9 the lease is renewed no more; once in the ledger, as its second attempt."""
    queue.fill(["a"])
    script = f"[ -e {tmp_path}/a ] && exit 0; echo $$ > {tmp_path}/a; exec sleep 600"
    command = ("--", "sh", "-c", script)
    with runner.start(address, *command, KUBEJOBS_LEASE_SECONDS=0.6) as victim:
        wait_until(lambda: (tmp_path / "a").exists() and (tmp_path / "a").read_text(), "the command runs")
        with runner.start(address, *command, KUBEJOBS_LEASE_SECONDS=0.6) as other:
            wait_until(lambda: queue.snapshot().sessions == 2, "the other waits")
            assert queue.snapshot().counts == Counts(leased=1)
            victim.kill()
            assert other.wait(30) == 0
    if process_exists(orphan := int((tmp_path / "a").read_text())):
        os.kill(orphan, signal.SIGKILL)
    assert queue.snapshot().counts == Counts(done=1)
    assert queue.snapshot().deliveries == 2


def test_a_lease_is_kept_while_its_command_runs(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """A command of several lease times is not taken for a dead worker's."""
    queue.fill(["2"])
    with (
        runner.start(address, "--", "sleep", KUBEJOBS_LEASE_SECONDS=0.6) as busy,
        runner.start(address, "--", "sleep", KUBEJOBS_LEASE_SECONDS=0.6) as idle,
    ):
        assert (busy.wait(30), idle.wait(30)) == (0, 0)
    assert queue.snapshot().counts == Counts(done=1)
    assert queue.snapshot().deliveries == 1


@pytest.mark.parametrize(
    ("words", "variables", "code", "message"),
    [
        pytest.param(["--", "no-such-program"], {}, 127, "'no-such-program' does not exist", id="command"),
        pytest.param(["--", "/etc/passwd"], {}, 127, "not executable", id="not executable"),
        pytest.param([], {}, 2, "CMD {item}", id="no command"),
        pytest.param(["--timeout", "-1", "--", "true"], {}, 2, "timeout", id="timeout"),
        pytest.param(["--fail-code", "x", "--", "true"], {}, 2, "fail-code", id="fail code"),
        pytest.param(["--on-sigterm", "x", "--", "true"], {}, 2, "on-sigterm", id="on sigterm"),
        pytest.param(["--concurrency", "0", "--", "true"], {}, 2, "concurrency", id="concurrency"),
        pytest.param(["--no-such-option", "--", "true"], {}, 2, "no-such-option", id="option"),
        pytest.param(["--", "true"], {"REDIS_HOST": ""}, 2, "REDIS_HOST is not set", id="no host"),
        pytest.param(["--", "true"], {"REDIS_PORT": "x"}, 2, "REDIS_PORT is 'x'; it must be a number", id="port"),
        pytest.param(["--", "true"], {"KUBEJOBS_BATCH": "1001"}, 2, "'1001'; it must be from 1 to 1000", id="batch"),
        pytest.param(["--", "true"], {"KUBEJOBS_READY_PORT": "9711", "POD_IP": ""}, 2, "POD_IP is not", id="no pod"),
        pytest.param(["--", "true"], {"KUBEJOBS_LOST_SECONDS": "0"}, 3, "does not hold this run", id="lost"),
        pytest.param(["--", "true"], {"REDIS_PASSWORD": "wrong"}, 4, "check REDIS_PASSWORD", id="password"),
        pytest.param(["--", "true"], {"REDIS_PASSWORD": ""}, 4, "check REDIS_PASSWORD", id="no password"),
        pytest.param(["--", "true"], {"REDIS_DATABASE": "999"}, 4, "refuses", id="database"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_said(
    runner: Runner, address: QueueAddress, words: list[str], variables: dict[str, str], code: int, message: str
) -> None:
    """Each has its exit code and a line that says what is wrong; none shows the password."""
    assert address.password
    ended, _, errors = runner.run(address, *words, **variables)
    assert (ended, message in errors, address.password in errors) == (code, True, False), errors


def test_a_service_s_variable_is_a_port(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """Where a Service is called `redis`, Kubernetes sets REDIS_PORT to a URL."""
    queue.fill(["a"])
    assert runner.run(address, "--", "true", REDIS_PORT=f"tcp://127.0.0.1:{address.port}")[0] == 0
