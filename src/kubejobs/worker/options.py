"""The command line of `kubejobs-worker`. The static runner for images without Python takes the same."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

EXIT_CODES: Final = """exit codes:
  0    nothing is left to do, or the run was asked to stop
  2    the command line or the environment is wrong
  3    the queue no longer holds the run
  4    the queue refuses this worker (a wrong password, for one)
  127  the command does not exist
  143  a SIGTERM arrived; the present items were finished, the others given back"""
MAX_CONCURRENCY: Final = 256


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """How items are run by `command`; see `kubejobs-worker --help`."""

    command: tuple[str, ...]
    timeout_seconds: float | None = None
    fail_codes: frozenset[int] = frozenset()
    keeps_result: bool = False
    passes_sigterm: bool = False
    concurrency: int = 1
    lines: bool = False


def parsed(arguments: Sequence[str] | None) -> RunnerOptions:
    """The options of a command line; ends the program with 2 and a message if it is wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if not command:
        parser.error("no command: kubejobs-worker [options] -- CMD {item}")
    return RunnerOptions(
        command=tuple(command),
        timeout_seconds=given.timeout,
        fail_codes=frozenset(given.fail_code),
        keeps_result=given.result,
        passes_sigterm=given.on_sigterm == "pass",
        concurrency=given.concurrency,
        lines=given.lines,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubejobs-worker",
        description="Run a command for every item of the run's queue. {item} in its arguments is the item; without it "
        "the item is the last argument. It is also in the variable KUBEJOBS_ITEM.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--timeout", type=_seconds, metavar="SECONDS", help="end a command that runs longer; retry the item")
    add(
        "--fail-code",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="an exit code that fails the item for good (repeatable); others but 0 are retried",
    )
    add("--result", action="store_true", help="keep the last line of the output as the item's result")
    add(
        "--on-sigterm",
        choices=("finish", "pass"),
        default="finish",
        help="finish: let the running command end by itself (default); pass: send it the SIGTERM too",
    )
    add("--concurrency", type=_count, default=1, metavar="N", help="items that run at a time (default 1)")
    add(
        "--lines",
        action="store_true",
        help="start the command once; it reads items from its input, one a line, and answers each with one line: the "
        "result, or '!retry MESSAGE', or '!fail MESSAGE'",
    )
    add("command", nargs=argparse.REMAINDER, metavar="-- CMD {item}")
    return parser


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; it must be above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_CONCURRENCY:
        raise argparse.ArgumentTypeError(f"{text!r} must be from 1 to {MAX_CONCURRENCY}")
    return number
