"""What becomes of items, by how their command ends."""

from pathlib import Path

import pytest
import redis

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import process_exists, wait_until

from .conftest import Runner

EXIT_WITH_THE_ITEM = 'echo "out $KUBEJOBS_ITEM"; echo "oops $KUBEJOBS_ITEM" >&2; exit "$KUBEJOBS_ITEM"'
AWKWARD = [
    "a b",
    'say "hi"',
    "it's",
    "$(exit 9) `exit 9` $HOME",
    "back\\slash \\n",
    "tab\tin it",
    "naïve ☃ 𝄞 é",
    "--result",
    "{item}",
    "\x7f\x01",
    "<&>",
]


def test_exit_codes_end_items(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """0 is done with a result, a given code fails for good, others are tried again until they are given up."""
    queue.fill(["0", "7", "8", "9"])
    code, output, errors = runner.run(
        address, "--result", "--fail-code", 7, "--fail-code=9", "--", "sh", "-c", EXIT_WITH_THE_ITEM,
        KUBEJOBS_MAX_ATTEMPTS=2,
    )  # fmt: skip
    assert code == 0
    assert queue.snapshot().counts == Counts(done=1, failed=2, dead=1)
    assert list(queue.iter_results()) == [{"item": "0", "result": "out 0"}]
    failures = {record["item"]: record for record in queue.iter_failures()}
    assert {item: record["attempts"] for item, record in failures.items()} == {"7": 1, "8": 2, "9": 1}
    error = failures["8"]["error"]
    assert 0 <= error.pop("seconds") < 30
    assert error == {"type": "Error", "message": "the command ended with exit code 8", "traceback": "oops 8\n"}
    assert sorted(output.split("\n")) == ["", "out 0", "out 7", "out 8", "out 8", "out 9"]
    assert "oops 8\n" in errors
    assert "'8': the command ended with exit code 8" in errors.replace('"', "'")


@pytest.mark.parametrize("lines", [(), ("--lines",)], ids=["item", "lines"])
def test_a_result_that_is_too_large_fails_its_item(
    runner: Runner, queue: WorkQueue, address: QueueAddress, lines: tuple[str, ...]
) -> None:
    """For good, with the reason; the others are done."""
    queue.fill(["20000", "10"])
    loop = "while read -r item; do head -c $item /dev/zero | tr '\\0' x; echo; done"
    program = ["sh", "-c", loop if lines else f"echo $KUBEJOBS_ITEM | {{ {loop}; }}"]
    code, _, errors = runner.run(address, "--result", *lines, "--", *program)
    assert (code, list(queue.iter_results())) == (0, [{"item": "10", "result": "x" * 10}]), errors
    (failure,) = queue.iter_failures()
    assert (failure["item"], failure["kind"], failure["attempts"]) == ("20000", "failed", 1)
    assert "at most 16384 are kept" in failure["error"]["message"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param("kill -9 $$", "the command was ended by signal 9 (Killed)", id="killed"),
        pytest.param("kill -11 $$", "the command was ended by signal 11 (Segmentation fault)", id="crashed"),
        pytest.param("sleep 600", "the command took too long and was ended", id="too long"),
    ],
)
def test_an_end_by_a_signal_is_named(
    runner: Runner, queue: WorkQueue, address: QueueAddress, script: str, message: str
) -> None:
    """The item is given up with the reason, after its attempts."""
    queue.fill(["x"])
    assert runner.run(address, "--timeout=0.5", "--", "sh", "-c", script, KUBEJOBS_MAX_ATTEMPTS=1)[0] == 0
    [failure] = queue.iter_failures()
    assert (failure["kind"], failure["error"]["message"]) == ("dead", message)


def test_a_failed_item_is_tried_again(runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """After its delay; a success ends it as done."""
    queue.fill(["a", "b"])
    script = f'mkdir "{tmp_path}/$KUBEJOBS_ITEM" && exit 1; exit 0'
    assert runner.run(address, "--", "sh", "-c", script)[0] == 0
    snapshot = queue.snapshot()
    assert snapshot.counts == Counts(done=2)
    assert snapshot.deliveries == 4
    assert snapshot.durations.count == 4
    assert snapshot.sessions == 0
    assert queue.verify() == ()


def test_output_stands_for_missing_errors(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """A command that complains on its standard output is quoted too, and only the end of what is long."""
    queue.fill(["short", "long"])
    script = "if [ $KUBEJOBS_ITEM = long ]; then yes line | head -c 1000000; else echo trouble; fi; exit 1"
    assert runner.run(address, "--fail-code=1", "--", "sh", "-c", script)[0] == 0
    tails = {record["item"]: record["error"]["traceback"] for record in queue.iter_failures()}
    assert tails["short"] == "trouble\n"
    assert len(tails["long"]) == 1500


def test_awkward_items_arrive_as_they_are(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """As one argument, in the variable, and in their results, whatever is in them."""
    queue.fill(AWKWARD)
    script = '[ "$1" = "$KUBEJOBS_ITEM" ] && printf "%s\\n" "$1"'
    assert runner.run(address, "--result", "--", "sh", "-c", script, "sh")[0] == 0
    assert queue.snapshot().counts == Counts(done=len(AWKWARD))
    results = {record["item"]: record["result"] for record in queue.iter_results()}
    assert results == {item: item for item in AWKWARD}


def test_bytes_that_are_no_text_are_kept(
    runner: Runner, queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys
) -> None:
    """An item that is not UTF-8 reaches the command as it is, and its result names it as its readers do."""
    queue.fill(["x"])
    raw.lset(keys.queued, 0, b"caf\xe9")
    assert runner.run(address, "--result", "--", "sh", "-c", 'printf "%s" "$1" | wc -c', "sh")[0] == 0
    assert [(one["item"], one["result"].strip()) for one in queue.iter_results()] == [("caf\udce9", "4")]


def test_placeholders_are_replaced(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """In every argument and inside of them; then the item is not the last argument as well."""
    queue.fill(["a b"])
    assert runner.run(address, "--", "printf", "%s|", "{item}", "--in={item}/{item}")[1] == "a b|--in=a b/a b|"


def test_big_items_are_items(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """Up to what the system takes as an argument; a longer one is given up with the reason, and the run goes on."""
    queue.fill(["a" * 100_000, "b" * 300_000, "c"])
    script = "echo ${#KUBEJOBS_ITEM}; true"
    code, output, _ = runner.run(address, "--", "sh", "-c", script, KUBEJOBS_MAX_ATTEMPTS=1)
    assert (code, sorted(output.split())) == (0, ["1", "100000"])
    [failure] = queue.iter_failures()
    assert failure["item"][0] == "b"
    assert "rgument list too long" in failure["error"]["message"]


def test_an_item_that_is_no_argument_fails(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """The runner goes on with the others."""
    queue.fill(["a\0b", "c"])
    assert runner.run(address, "--", "true", KUBEJOBS_MAX_ATTEMPTS=1)[0] == 0
    assert queue.snapshot().counts == Counts(done=1, dead=1)
    assert next(queue.iter_failures())["error"]["type"] == "ValueError"


def test_nothing_of_a_command_outlives_its_item(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """What it left in the background is ended with it, in time or not, before the runner ends."""
    queue.fill(["done", "late"])
    script = f'sleep 600 & echo $! > "{tmp_path}/$KUBEJOBS_ITEM"; [ $KUBEJOBS_ITEM = done ] || wait'
    assert runner.run(address, "--timeout=1", "--", "sh", "-c", script, KUBEJOBS_MAX_ATTEMPTS=1)[0] == 0
    left = [int((tmp_path / item).read_text()) for item in ("done", "late")]
    wait_until(lambda: not any(map(process_exists, left)), "the background processes are gone")


def test_items_run_at_the_same_time(runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """As many as asked for: each waits here for the other two."""
    queue.fill(["a", "b", "c"])
    script = f'touch "{tmp_path}/$KUBEJOBS_ITEM"; until [ $(ls "{tmp_path}" | wc -l) = 3 ]; do sleep 0.02; done'
    assert runner.run(address, "--timeout=20", "--concurrency=3", "--", "sh", "-c", script)[0] == 0
    assert queue.snapshot().counts == Counts(done=3)


def test_a_batch_s_later_items_do_not_wait_for_a_long_one(
    runner: Runner, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """What was leased with it and not started goes back, and another worker does it."""
    queue.fill(["wait", "b", "c"])
    script = f"[ $KUBEJOBS_ITEM != wait ] || until [ -e {tmp_path}/go ]; do sleep 0.02; done"
    command = ("--", "sh", "-c", script)
    with runner.start(address, *command, KUBEJOBS_BATCH=3) as busy:
        wait_until(lambda: queue.snapshot().counts == Counts(queued=2, leased=1), "the others are given back")
        with runner.start(address, *command) as other:
            wait_until(lambda: queue.snapshot().counts == Counts(leased=1, done=2), "the other does them")
            (tmp_path / "go").touch()
            assert (busy.wait(30), other.wait(30)) == (0, 0)
    assert queue.snapshot().counts == Counts(done=3)
    assert queue.snapshot().deliveries == 5


def test_no_command_reads_the_runner_s_input(runner: Runner, queue: WorkQueue, address: QueueAddress) -> None:
    """A command that reads its standard input finds its end at once."""
    queue.fill(["x"])
    assert runner.run(address, "--timeout=20", "--", "sh", "-c", "cat; echo end")[1] == "end\n"
