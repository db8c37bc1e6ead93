"""The runner for plain commands: `kubejobs-worker -- CMD {item}`."""

import signal
import threading
from pathlib import Path

import pytest

from kubejobs.worker.main import main
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import python, started, wait_until, worker_environment

RUNNER = ("-m", "kubejobs.worker.main")


def set_environment(monkeypatch: pytest.MonkeyPatch, address: QueueAddress, **variables: object) -> None:
    """The environment of a worker in this process."""
    for name, value in worker_environment(address, **variables).items():
        monkeypatch.setenv(name, value)


def test_exit_codes_end_items(queue: WorkQueue, address: QueueAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is done with a result, a given code fails for good, others are tried again until they are given up."""
    set_environment(monkeypatch, address, KUBEJOBS_MAX_ATTEMPTS=2)
    queue.fill(["0", "7", "8", "0 and more"])
    script = 'echo "code ${KUBEJOBS_ITEM%% *}"; echo oops >&2; exit ${KUBEJOBS_ITEM%% *}'
    assert main(["--result", "--fail-code", "7", "--", "sh", "-c", script]) == 0
    assert queue.snapshot().counts == Counts(done=2, failed=1, dead=1)
    assert [record["result"] for record in queue.iter_results()] == ["code 0", "code 0"]
    failures = {record["item"]: record for record in queue.iter_failures()}
    assert (failures["7"]["attempts"], failures["8"]["attempts"]) == (1, 2)
    assert failures["8"]["error"] | {"seconds": 0} == {
        "type": "Error",
        "seconds": 0,
        "message": "the command ended with exit code 8",
        "traceback": "oops\n",
    }


def test_a_command_that_takes_too_long_is_tried_again(
    queue: WorkQueue, address: QueueAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And given up with the reason."""
    set_environment(monkeypatch, address, KUBEJOBS_MAX_ATTEMPTS=1)
    queue.fill(["600"])
    assert main(["--timeout", "0.2", "--", "sleep", "{item}"]) == 0
    [failure] = queue.iter_failures()
    assert "too long" in failure["error"]["message"]


def test_an_item_that_is_no_argument_fails(
    queue: WorkQueue, address: QueueAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner goes on with the others."""
    set_environment(monkeypatch, address, KUBEJOBS_MAX_ATTEMPTS=1)
    queue.fill(["a\0b", "c"])
    assert main(["--", "true"]) == 0
    assert queue.snapshot().counts == Counts(done=1, dead=1)


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        pytest.param(["--", "no-such-program"], {}, 127, "does not exist", id="command"),
        pytest.param(["--", "true"], {"REDIS_HOST": ""}, 2, "REDIS_HOST", id="no host"),
        pytest.param(["--", "true"], {"KUBEJOBS_LOST_SECONDS": "0"}, 3, "does not hold this run", id="lost"),
        pytest.param(["--", "true"], {"REDIS_PASSWORD": "wrong"}, 4, "REDIS_PASSWORD", id="password"),
    ],
)
def test_what_stands_in_the_way_is_said(
    address: QueueAddress,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    variables: dict[str, str],
    code: int,
    words: str,
) -> None:
    """Each has its exit code and one line that says what to do."""
    set_environment(monkeypatch, address, **variables)
    assert main(arguments) == code
    assert words in capsys.readouterr().err


def test_a_runner_without_command_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    """The usage is shown."""
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "CMD {item}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        pytest.param("finish", Counts(queued=1, done=1), id="finish"),
        pytest.param("pass", Counts(queued=2), id="pass"),
    ],
)
def test_a_sigterm_ends_the_runner(
    queue: WorkQueue, address: QueueAddress, tmp_path: Path, mode: str, counts: Counts
) -> None:
    """The command is let finish, or given the signal and then the item is given back; nothing more is started."""
    queue.fill(["a", "b"])
    script = f"touch {tmp_path}/started; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
    command = python(*RUNNER, "--on-sigterm", mode, "--", "sh", "-c", script)
    with started(*command, env=worker_environment(address)) as runner:
        wait_until((tmp_path / "started").exists, "the command runs")
        runner.send_signal(signal.SIGTERM)
        if mode == "finish":
            (tmp_path / "go").touch()
        assert runner.wait(30) == 143
    assert queue.snapshot().counts == counts


def test_a_command_may_be_asked_line_by_line(
    queue: WorkQueue, address: QueueAddress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is started once; its answers are results, failures, or missing when it dies."""
    set_environment(monkeypatch, address, KUBEJOBS_MAX_ATTEMPTS=2, KUBEJOBS_RETRY_SECONDS=0)
    queue.fill([*(f"item {number}" for number in range(50)), "!fail never", "!retry later", "die"])
    script = (
        f'echo x >> {tmp_path}/starts; while read -r x; do [ "$x" = die ] && {{ echo why >&2; exit 5; }}; '
        'case "$x" in "!"*) echo "$x";; *) echo "did $x";; esac; done'
    )
    assert main(["--lines", "--result", "--", "sh", "-c", script]) == 0
    assert queue.snapshot().counts == Counts(done=50, failed=1, dead=2)
    assert sorted(record["result"] for record in queue.iter_results()) == sorted(f"did item {n}" for n in range(50))
    failures = {record["item"]: record for record in queue.iter_failures()}
    assert failures["!fail never"]["error"]["message"] == "never"
    assert failures["!retry later"]["attempts"] == 2
    assert failures["die"]["error"] | {"seconds": 0} == {
        "type": "Error",
        "message": "the command ended with exit code 5",
        "seconds": 0,
        "traceback": "why\n",
    }
    assert (tmp_path / "starts").read_text() == "x\n" * 2


@pytest.mark.parametrize("lines", [[], ["--lines"]], ids=["a run per item", "lines"])
def test_several_items_run_at_a_time(
    queue: WorkQueue, address: QueueAddress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: list[str]
) -> None:
    """As many as are asked for: each waits here until all of them are there."""
    set_environment(monkeypatch, address)
    queue.fill(["a", "b", "c"])
    wait = f'touch {tmp_path}/$x; while [ "$(ls {tmp_path} | wc -l)" -lt 3 ]; do sleep 0.05; done; echo done'
    script = f"while read x; do {wait}; done" if lines else f"x=$KUBEJOBS_ITEM; {wait}"
    assert main(["--concurrency", "3", *lines, "--", "sh", "-c", script]) == 0
    assert queue.snapshot().counts == Counts(done=3)


def test_an_error_of_one_session_ends_the_runner(
    queue: WorkQueue,
    address: QueueAddress,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The others finish what they have."""
    set_environment(monkeypatch, address, KUBEJOBS_LOST_SECONDS=0)
    queue.fill(["a", "b"])
    script = f"touch {tmp_path}/$KUBEJOBS_ITEM; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"

    def lose() -> None:
        wait_until(lambda: {"a", "b"} <= {path.name for path in tmp_path.iterdir()}, "both run")
        queue.delete_run()
        (tmp_path / "go").touch()

    thread = threading.Thread(target=lose)
    thread.start()
    assert main(["--concurrency", "2", "--", "sh", "-c", script]) == 3
    thread.join()
    assert "does not hold this run" in capsys.readouterr().err


def test_a_sigterm_stops_every_session(queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """Each lets its long-lived command finish the item at hand."""
    queue.fill(["a", "b", "c"])
    script = f"while read x; do touch {tmp_path}/$x; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo; done"
    command = python(*RUNNER, "--lines", "--concurrency", "2", "--", "sh", "-c", script)
    with started(*command, env=worker_environment(address)) as runner:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2, "both commands work")
        runner.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        assert runner.wait(30) == 143
    assert queue.snapshot().counts == Counts(queued=1, done=2)
