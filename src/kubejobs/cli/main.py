"""`kubejobs`: the command line. It lists the command groups; each is a module with its own commands.

Exit codes: 0 done, 1 a KubeJobsError (its message is on standard error) or a run that failed, 2 a wrong command line,
130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from kubejobs import __version__
from kubejobs.cli import redrive, report, results, signals, submit, watch
from kubejobs.cli.command import Command
from kubejobs.errors import KubeJobsError

_GROUPS = (submit, watch, report, results, redrive, signals)
_INTERRUPTED = 130


def commands() -> list[Command]:
    """Every command, in the order of the help."""
    return [command for group in _GROUPS for command in group.COMMANDS]


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(prog="kubejobs", description="Batch jobs that finish on time, run by Airflow.")
    top.add_argument("--version", action="version", version=f"kubejobs {__version__}")
    subparsers: Any = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands():
        sub = subparsers.add_parser(command.name, help=command.summary, description=command.summary)
        command.add_options(sub)
        sub.set_defaults(run_command=command.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run_command(options))
    except KubeJobsError as error:
        print(f"kubejobs: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
