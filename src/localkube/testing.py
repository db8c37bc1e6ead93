"""A cluster for tests, in a process of its own.

Rule: the cluster ends with the `with` block, also when the test fails.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localkube.errors import LocalKubeError

_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0


def _command(state: Path, options: list[str]) -> list[str]:
    return [sys.executable, "-m", "localkube", "--state", str(state), *options]


@contextmanager
def running_process(state: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command `localkube` with these options, ready when the block begins and gone when it has ended."""
    process = subprocess.Popen(_command(state, list(options)), stdout=subprocess.PIPE, text=True)
    try:
        _await_ready(process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _await_ready(process: subprocess.Popen[str]) -> None:
    if process.stdout is None:
        raise LocalKubeError("the embedded cluster was started without a pipe to hear from it")
    ready, _, _ = select.select([process.stdout], [], [], _READY_SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line:
        state = f"it ended with status {process.poll()}" if ready else f"nothing was heard for {_READY_SECONDS:g} s"
        raise LocalKubeError(f"the embedded cluster did not start: {state}; its messages are on stderr")


@contextmanager
def running_cluster(
    images: dict[str, Any] | None = None,
    job_delay: float = 0.0,
    back_off: float = 10.0,
    state: Path | None = None,
) -> Iterator[Path]:
    """A running cluster; yields the path of its kubeconfig.

    `images` as in the --images file; `job_delay` and `back_off` in seconds; `state` is a directory of its own if None.
    """
    with tempfile.TemporaryDirectory(prefix="localkube-", ignore_cleanup_errors=True) as temporary:
        directory = state or Path(temporary) / "state"
        images_file = Path(temporary) / "images.json"
        images_file.write_text(json.dumps(images or {}))
        options = ["--images", str(images_file), "--job-delay", str(job_delay), "--back-off", str(back_off)]
        with running_process(directory, *options):
            yield directory / "kubeconfig"
