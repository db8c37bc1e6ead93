"""One long-lived command that reads items from its standard input and answers each with a line."""

import signal
import sys
from pathlib import Path

import pytest

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import process_exists, wait_until

from .conftest import Runner

# Answers by the item's first word; notes its own starts and what it reads.
PROGRAM = """
import os, sys, time
from pathlib import Path

folder = Path(sys.argv[1])
(folder / f"start-{os.getpid()}").touch()
for line in sys.stdin:
    item = line.rstrip("\\n")
    word, _, rest = item.partition(" ")
    if word == "complain":
        sys.stderr.write("oops\\n")
        sys.stderr.flush()
        time.sleep(0.2)  # another pipe than the answer's
        item = rest
    elif word == "exit":
        os._exit(int(rest))
    elif word == "hang":
        time.sleep(600)
    elif word == "wait":
        (folder / "waits").touch()
        while not (folder / "go").exists():
            time.sleep(0.02)
    elif word == "twice":
        item = "one\\ntwo"
    elif word == "long":
        item = "x" * int(rest)
    elif word == "deaf":
        sys.stdin.close()
        os.close(0)
        time.sleep(600)
    print(item, flush=True)
    if word == "last":
        break
"""


@pytest.fixture
def program(tmp_path: Path) -> tuple[object, ...]:
    """The command line of the program above."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")
    return ("--", sys.executable, file, tmp_path)


def starts(folder: Path) -> int:
    """How often the program was started."""
    return len(list(folder.glob("start-*")))


def test_answers_are_results(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path, program: tuple[object, ...]
) -> None:
    """One start serves all items; a big item and a big answer are lines like others."""
    items = ["a b", 'say "hi" \\ é ☃', " leading", "{item}", "!retrying"]
    queue.fill([*items, "long 16000", "complain okokok", *map(str, range(50))])
    code, output, errors = runner.run(address, "--lines", "--result", *program)
    assert (code, output) == (0, ""), errors
    results = {record["item"]: record["result"] for record in queue.iter_results()}
    assert results["long 16000"] == "x" * 16000
    assert all(results[item] == item for item in [*items, *map(str, range(50))])
    assert results["complain okokok"] == "okokok"
    assert "oops" in errors
    assert starts(tmp_path) == 1
    assert queue.snapshot().counts == Counts(done=57)
    assert queue.snapshot().durations.count == 57


def test_big_items_are_lines(
    runner: Runner, queue: WorkQueue, address: QueueAddress, program: tuple[object, ...]
) -> None:
    """Far longer than an argument can be."""
    queue.fill(["y" * 900_000])
    assert runner.run(address, "--lines", "--timeout=30", *program)[0] == 0
    assert queue.snapshot().counts == Counts(done=1)


def test_failures_are_said_in_the_answer(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path, program: tuple[object, ...]
) -> None:
    """`!retry` and `!fail` with a message; what was written to standard error since the question explains it."""
    queue.fill(["!fail no such thing", "!retry not now", "complain !fail with words", "!fail", "fine"])
    assert runner.run(address, "--lines", *program, KUBEJOBS_MAX_ATTEMPTS=2)[0] == 0
    failures = {record["item"]: record for record in queue.iter_failures()}
    assert {item: (one["kind"], one["attempts"]) for item, one in failures.items()} == {
        "!fail no such thing": ("failed", 1),
        "!retry not now": ("dead", 2),
        "complain !fail with words": ("failed", 1),
        "!fail": ("failed", 1),
    }
    errors = {item: one["error"] for item, one in failures.items()}
    assert errors["!retry not now"]["message"] == "not now"
    assert errors["!fail"]["message"] == "the command reported a failure without a message"
    assert errors["complain !fail with words"]["message"] == "with words"
    assert errors["complain !fail with words"]["traceback"] == "oops\n"
    assert starts(tmp_path) == 1
    assert queue.snapshot().counts == Counts(done=1, failed=3, dead=1)


@pytest.mark.parametrize(
    ("item", "kind", "message"),
    [
        pytest.param("exit 3", "dead", "ended with exit code 3", id="exit"),
        pytest.param("exit 7", "failed", "ended with exit code 7", id="exit, for good"),
        pytest.param("hang", "dead", "took too long", id="too long"),
        pytest.param("twice", "dead", "more than one line: 'one", id="two lines"),
        pytest.param("long 1100000", "dead", "more than 1048576 bytes", id="endless line"),
        pytest.param("deaf", "dead", "", id="deaf"),
    ],
)
def test_a_program_without_a_proper_answer_is_started_again(
    runner: Runner,
    queue: WorkQueue,
    address: QueueAddress,
    tmp_path: Path,
    program: tuple[object, ...],
    item: str,
    kind: str,
    message: str,
) -> None:
    """The item has the reason, the program is gone, and the others are done by another."""
    queue.fill(["a", item, "b"])
    options = ("--lines", "--timeout=2", "--fail-code=7")
    assert runner.run(address, *options, *program, KUBEJOBS_MAX_ATTEMPTS=1)[0] == 0
    [failure] = queue.iter_failures()
    assert (failure["item"], failure["kind"]) == (item, kind)
    assert message in failure["error"]["message"].replace('"', "'")
    assert starts(tmp_path) == 2
    assert not any(process_exists(int(path.name.removeprefix("start-"))) for path in tmp_path.glob("start-*"))
    assert queue.snapshot().counts.done == 2


def test_a_program_that_ends_between_items_is_started_again(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path, program: tuple[object, ...]
) -> None:
    """No item fails by that."""
    queue.fill(["last a", "last b", "last c"], close=False)
    with runner.start(address, "--lines", *program, KUBEJOBS_BATCH=1, KUBEJOBS_MAX_ATTEMPTS=20) as process:
        wait_until(lambda: queue.snapshot().counts.done == 3, "all are done")
        queue.mark_closed()
        assert process.wait(30) == 0
    assert starts(tmp_path) >= 3


def test_each_session_has_a_program(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path, program: tuple[object, ...]
) -> None:
    """Items that wait for another run beside it."""
    queue.fill(["wait 1", "wait 2"])
    with runner.start(address, "--lines", "--concurrency=2", *program) as process:
        wait_until(lambda: starts(tmp_path) == 2, "two programs run")
        (tmp_path / "go").touch()
        assert process.wait(30) == 0
    assert queue.snapshot().counts == Counts(done=2)


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        pytest.param("finish", Counts(queued=1, done=1), id="finish"),
        pytest.param("pass", Counts(queued=2), id="pass"),
    ],
)
def test_a_sigterm_ends_the_program_with_the_runner(
    runner: Runner,
    queue: WorkQueue,
    address: QueueAddress,
    tmp_path: Path,
    program: tuple[object, ...],
    mode: str,
    counts: Counts,
) -> None:
    """After its item, or with the signal and the item given back; the program finds its input's end."""
    queue.fill(["wait", "b"])
    with runner.start(address, "--lines", f"--on-sigterm={mode}", *program) as process:
        wait_until((tmp_path / "waits").exists, "the program works")
        process.send_signal(signal.SIGTERM)
        if mode == "finish":
            (tmp_path / "go").touch()
        assert process.wait(30) == 143
    assert queue.snapshot().counts == counts
    assert not any(process_exists(int(path.name.removeprefix("start-"))) for path in tmp_path.glob("start-*"))


def test_a_program_that_can_t_be_started_fails_its_item(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """With the system's reason."""
    file = tmp_path / "no-program"
    file.write_text("no program\n", encoding="utf-8")
    file.chmod(0o755)
    queue.fill(["a"])
    assert runner.run(address, "--lines", "--", file, KUBEJOBS_MAX_ATTEMPTS=1)[0] == 0
    [failure] = queue.iter_failures()
    assert "xec format error" in failure["error"]["message"]
