"""What a command of `kubejobs` is; one module per command group offers `COMMANDS`, and main.py lists the modules."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: `add_options` completes its parser, `run` does the work and returns the exit code.

    `run` may raise any KubeJobsError; main.py prints it and exits with 1.
    """

    name: str
    summary: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
