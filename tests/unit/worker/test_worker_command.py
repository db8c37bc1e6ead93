"""One command per item."""

import os
import signal
import threading
from pathlib import Path

import pytest

from kubejobs.worker.command import Command, arguments_for
from kubejobs.worker.out_of_memory import MemoryKills
from support.processes import process_exists, wait_until


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        pytest.param(["run", "{item}"], ["run", "a b"], id="placeholder"),
        pytest.param(["run", "--in={item}", "{item}.out"], ["run", "--in=a b", "a b.out"], id="inside, repeated"),
        pytest.param(["run", "-v"], ["run", "-v", "a b"], id="no placeholder: last"),
    ],
)
def test_the_item_takes_its_place(command: list[str], arguments: list[str]) -> None:
    """As one argument, whatever is in it."""
    assert arguments_for(command, "a b") == arguments


def test_output_is_passed_on_and_its_end_kept(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The last line for the result, the end of the errors for the report."""
    end = Command(["sh", "-c", 'echo one; echo "$KUBEJOBS_ITEM"; echo trouble >&2; exit 3', "{item}"]).run("two")
    assert (end.exit_code, end.timed_out, end.last_line, end.tail) == (3, False, "two", "trouble\n")
    assert end.problem == "the command ended with exit code 3"
    captured = capfdbinary.readouterr()
    assert (captured.out, captured.err) == (b"one\ntwo\n", b"trouble\n")


def test_long_output_is_bounded() -> None:
    """A command that writes without end costs no memory."""
    end = Command(["sh", "-c", "yes line | head -c 1000000 >&2", "{item}"]).run("x")
    assert end.exit_code == 0
    assert 0 < len(end.tail) <= 1500


def test_a_command_that_takes_too_long_is_ended_with_all_it_started() -> None:
    """No process of it is left."""
    end = Command(["sh", "-c", "sleep 600 & echo $!; wait", "{item}"], timeout_seconds=0.3).run("x")
    assert end.timed_out
    assert "too long" in end.problem
    wait_until(lambda: not process_exists(int(end.last_line)), "the grandchild is gone")


def test_what_a_command_left_behind_is_ended() -> None:
    """A background process does not outlive its item, and does not hold up the next."""
    end = Command(["sh", "-c", "sleep 600 & echo $!", "{item}"]).run("x")
    assert end.exit_code == 0
    wait_until(lambda: not process_exists(int(end.last_line)), "the background process is gone")


def test_the_output_explains_where_no_error_was_written() -> None:
    """Many programs complain on standard output."""
    end = Command(["sh", "-c", "echo no such thing; exit 1", "{item}"]).run("x")
    assert end.tail == "no such thing\n"


@pytest.mark.parametrize(
    ("script", "kills", "kind", "words"),
    [
        pytest.param("kill -9 $$", 1, "OOMKilled", "killed: out of memory", id="killed"),
        pytest.param("sh -c 'kill -9 $$'; exit $?", 1, "OOMKilled", "killed: out of memory", id="a child of a shell"),
        pytest.param("kill -9 $$", 0, "", "signal 9", id="killed by somebody else"),
        pytest.param("exit 1", 1, "", "exit code 1", id="something else was killed"),
    ],
)
def test_a_kill_for_want_of_memory_is_named(tmp_path: Path, script: str, kills: int, kind: str, words: str) -> None:
    """By the counter of the container's cgroup, which rises while the command runs."""
    events = tmp_path / "memory.events"
    events.write_text("oom 7\noom_kill 3\n")
    command = f"printf 'oom 9\\noom_kill {3 + kills}\\n' > {events}; {script}"
    end = Command(["sh", "-c", command, "{item}"], memory_kills=MemoryKills(events)).run("x")
    assert end.kind == kind
    assert words in end.problem


def test_without_a_counter_nothing_is_named(tmp_path: Path) -> None:
    """A system without cgroups only shows the signal."""
    end = Command(["sh", "-c", "kill -9 $$", "{item}"], memory_kills=MemoryKills(tmp_path / "none")).run("x")
    assert (end.kind, "signal 9" in end.problem) == ("", True)


def test_a_signal_is_passed_to_the_command() -> None:
    """And its end by a signal is said."""
    command = Command(["sh", "-c", "sleep 600", "{item}"])

    def send() -> None:
        wait_until(lambda: command._process, "the command runs")
        command.pass_signal(signal.SIGTERM)

    thread = threading.Thread(target=send)
    thread.start()
    end = command.run("x")
    thread.join()
    assert end.exit_code == -signal.SIGTERM
    assert "signal 15" in end.problem


def test_a_signal_that_comes_before_the_command_is_not_lost() -> None:
    """It may arrive while the command is being started."""
    command = Command(["sleep", "600", "{item}"])
    command.pass_signal(signal.SIGTERM)
    assert command.run("0").exit_code == -signal.SIGTERM


def test_an_item_that_is_no_argument_raises() -> None:
    """A null byte can't be in a command line."""
    with pytest.raises(ValueError, match="null"):
        Command([os.fspath("true")]).run("a\0b")
