"""Programs started by tests: given the queue's address in their environment, and ended with the test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kubejobs.workqueue.types import QueueAddress

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 30.0


def worker_environment(address: QueueAddress, **variables: object) -> dict[str, str]:
    """The environment that a Job's manifest gives a worker."""
    return os.environ | {
        "REDIS_HOST": address.host,
        "REDIS_PORT": str(address.port),
        "REDIS_PASSWORD": address.password or "",
        "KUBEJOBS_QUEUE_PREFIX": address.prefix,
        "KUBEJOBS_RETRY_SECONDS": "0.05",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'examples'}",
    } | {name: str(value) for name, value in variables.items()}  # fmt: skip


@contextmanager
def started(*command: object, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A program for the block; killed at its end if it still runs."""
    process = subprocess.Popen(
        [str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def python(*arguments: object) -> tuple[object, ...]:
    """The command line of this Python."""
    return (sys.executable, *arguments)


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return when the condition holds; fail with `what` if it does not in time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {WAIT_SECONDS:g} s for: {what}")
        time.sleep(0.02)


def process_exists(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
