"""A long-lived program that is asked line by line."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubejobs.worker.line_program import LineProgram, ProgramError
from kubejobs.worker.out_of_memory import MemoryKills
from support.processes import process_exists, wait_until

Start = Callable[[str], LineProgram]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts shell programs, ended with the test."""
    programs: list[LineProgram] = []

    def make(script: str) -> LineProgram:
        programs.append(LineProgram(["sh", "-c", script], MemoryKills(tmp_path / "memory.events")))
        return programs[-1]

    yield make
    for program in programs:
        program._process.kill()
        program.close()


@pytest.mark.parametrize(
    "line", ["plain", "two words", "ünï", "\udcff", "x" * 300_000], ids=["plain", "words", "wide", "odd", "long"]
)
def test_a_line_is_answered_by_a_line(start: Start, line: str) -> None:
    """Any text, also more than a pipe holds, and again and again."""
    program = start("exec cat")
    assert [program.ask(line), program.ask("b")] == [line, "b"]
    assert not program.has_ended()


def test_a_carriage_return_belongs_to_the_line_s_end(start: Start) -> None:
    """Programs may end lines as they like."""
    assert start(r"read x; printf 'a b\r\n'; read y").ask("1") == "a b"


@pytest.mark.parametrize(
    ("script", "words", "exit_code"),
    [
        pytest.param("read x; echo why >&2; exit 7", "exit code 7", 7, id="exit"),
        pytest.param("read x; echo why >&2; kill -9 $$", "signal 9", -9, id="signal"),
        pytest.param("echo why >&2; exec true", "exit code 0", 0, id="never reads"),
        pytest.param("read x; echo why >&2; printf 'a\\nb\\n'; read y", "more than one line", None, id="two lines"),
        pytest.param("read x; echo why >&2; exec >&-; sleep 600", "closed its output", None, id="closes its output"),
        pytest.param(
            "read x; echo why >&2; yes | tr -d '\\n'", "more than 1048576 bytes", None, id="a line without end"
        ),
        pytest.param("read x; echo why >&2; sleep 600", "too long", None, id="too long"),
    ],
)
def test_a_broken_program_is_ended_with_the_reason(
    start: Start, script: str, words: str, exit_code: int | None
) -> None:
    """And the end of its standard error."""
    program = start(script)
    with pytest.raises(ProgramError, match=words) as caught:
        program.ask("1", 20 if "too long" not in words else 0.5)
    assert (caught.value.exit_code, caught.value.tail) == (exit_code, "why\n")
    assert not process_exists(program._process.pid)


def test_what_nobody_asked_for_ends_the_program(start: Start) -> None:
    """A banner, for one: it would be taken for the answer to an item."""
    program = start("echo welcome; read x; echo $x; read y")
    with pytest.raises(ProgramError, match="welcome") as caught:
        wait_until(program.has_ended, "never")
    assert "one line an item" in str(caught.value)


def test_an_end_between_two_items_is_noticed(start: Start) -> None:
    """It is nobody's failure."""
    program = start("read x; echo $x")
    assert program.ask("1") == "1"
    wait_until(program.has_ended, "the program has ended")


def test_a_kill_for_want_of_memory_is_named(start: Start, tmp_path: Path) -> None:
    """By the counter of the container's cgroup."""
    program = start(f"read x; echo oom_kill 1 > {tmp_path}/memory.events; kill -9 $$")
    with pytest.raises(ProgramError, match="out of memory") as caught:
        program.ask("1")
    assert caught.value.kind == "OOMKilled"


def test_only_the_present_item_s_complaints_are_kept(start: Start) -> None:
    """Not those about the items before."""
    program = start("while read x; do echo about $x >&2; echo $x; done")
    for line in ("1", "2"):
        program.ask(line)
        wait_until(program.errors_so_far, "the complaint has come")
    assert program.errors_so_far() == "about 2\n"


def test_the_end_of_the_input_ends_the_program(start: Start, tmp_path: Path) -> None:
    """It may still tidy up."""
    program = start(f"cat >/dev/null; touch {tmp_path}/tidied")
    program.close()
    assert (tmp_path / "tidied").exists()


def test_a_signal_reaches_the_program(start: Start, tmp_path: Path) -> None:
    """Which may answer the present item first."""
    program = start(f"trap 'touch {tmp_path}/told' TERM; read x; echo $x; while :; do read y || exit; done")
    assert program.ask("1") == "1"
    program.pass_signal(signal.SIGTERM)
    wait_until((tmp_path / "told").exists, "the signal has come")
