"""One command per item."""

import os
import signal
import threading

import pytest

from kubejobs.worker.command import Command, arguments_for
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
    assert (end.exit_code, end.timed_out, end.last_line, end.error_tail) == (3, False, "two", "trouble\n")
    assert end.problem == "the command ended with exit code 3"
    captured = capfdbinary.readouterr()
    assert (captured.out, captured.err) == (b"one\ntwo\n", b"trouble\n")


def test_long_output_is_bounded() -> None:
    """A command that writes without end costs no memory."""
    end = Command(["sh", "-c", "yes line | head -c 1000000 >&2", "{item}"]).run("x")
    assert end.exit_code == 0
    assert 0 < len(end.error_tail) <= 1500


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
    command.pass_signal(signal.SIGTERM)


def test_an_item_that_is_no_argument_raises() -> None:
    """A null byte can't be in a command line."""
    with pytest.raises(ValueError, match="null"):
        Command([os.fspath("true")]).run("a\0b")
