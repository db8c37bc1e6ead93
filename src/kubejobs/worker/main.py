"""`kubejobs-worker -- CMD {item}`: any program as a worker, one run of it per item.

Rule: exit code 0 says that the run has nothing left to do (or was stopped); see EXIT_CODES.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
from collections.abc import Sequence

from kubejobs.errors import ConfigurationError, QueueError, QueueLostError
from kubejobs.worker.command import Command, CommandEnd
from kubejobs.worker.item import Item
from kubejobs.worker.session import WorkerQueue, connect

EXIT_CODES = """exit codes:
  0    nothing is left to do, or the run was asked to stop
  2    the command line or the environment is wrong
  3    the queue no longer holds the run
  4    the queue refuses this worker (a wrong password, for one)
  127  the command does not exist
  143  a SIGTERM arrived; the present item was finished, the others given back"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Work items off with a command until there are none; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s kubejobs-worker %(message)s")
    options = _parser().parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        _parser().error("no command: kubejobs-worker [options] -- CMD {item}")
    if shutil.which(command[0]) is None:
        return _complain(127, f"the command {command[0]!r} does not exist in this image or is not executable")
    try:
        with connect() as queue:
            return _work(queue, command, options)
    except ConfigurationError as error:
        return _complain(2, str(error))
    except QueueLostError as error:
        return _complain(3, str(error))
    except QueueError as error:
        return _complain(4, str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubejobs-worker",
        description="Run a command for every item of the run's queue. {item} in its arguments is the item; without it "
        "the item is the last argument. It is also in the variable KUBEJOBS_ITEM.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="end a command that runs longer; retry the item"
    )
    parser.add_argument(
        "--fail-code",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="an exit code that fails the item for good (repeatable); others but 0 are retried",
    )
    parser.add_argument("--result", action="store_true", help="keep the last line of the output as the item's result")
    parser.add_argument(
        "--on-sigterm",
        choices=("finish", "pass"),
        default="finish",
        help="finish: let the running command end by itself (default); pass: send it the SIGTERM too",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD {item}")
    return parser


def _work(queue: WorkerQueue, words: Sequence[str], options: argparse.Namespace) -> int:
    command = Command(words, timeout_seconds=options.timeout)
    passes_sigterm = options.on_sigterm == "pass"
    if passes_sigterm:
        queue.on_stop(lambda: command.pass_signal(signal.SIGTERM))
    for item in queue.items():
        try:
            end = command.run(item.value)
        except (OSError, ValueError) as error:
            item.fail(error)
            continue
        if end.exit_code != 0 and passes_sigterm and queue.stopping:
            item.release()
        else:
            _settle(item, end, options)
    return 0


def _settle(item: Item, end: CommandEnd, options: argparse.Namespace) -> None:
    if end.exit_code == 0 and not end.timed_out:
        if options.result and end.last_line:
            item.result(end.last_line)
        return
    item.fail(end.problem, retry=end.exit_code not in options.fail_code, tail=end.error_tail)
    sys.stderr.write(f"kubejobs-worker: {item.value!r:.200}: {end.problem}\n")


def _complain(exit_code: int, message: str) -> int:
    sys.stderr.write(f"kubejobs-worker: {message}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
