"""The two runners, and the queue server of this folder's tests.

Every test of behaviour runs against both: what a run's pods do must not depend on which of them works in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubejobs.workqueue.types import QueueAddress
from support.processes import ROOT, python, started, worker_environment
from support.queue_fixtures import address, keys, queue, raw, valkey

__all__ = ["address", "keys", "queue", "raw", "valkey"]

SOURCE = ROOT / "runner"
BUILD_SECONDS = 400
"""A first build on a busy machine compiles Go's standard library too."""
NO_GO = "Go is not installed, and the static runner is built with it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests that may have to wait for the build the time for it."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS + 100))


@dataclass(frozen=True)
class Runner:
    """One of the two programs."""

    program: tuple[object, ...]

    def start(
        self, address: QueueAddress, *words: object, options: dict[str, object] | None = None, **variables: object
    ) -> AbstractContextManager[subprocess.Popen[str]]:
        """The runner on a queue for the block, with these words on its command line; killed afterwards."""
        return started(*self.program, *words, env=worker_environment(address, **variables), **(options or {}))

    def run(self, address: QueueAddress, *words: object, **variables: object) -> tuple[int, str, str]:
        """Its exit code, output and errors."""
        with self.start(address, *words, **variables) as process:
            output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors


def build(folder: Path) -> Path:
    """The static runner, built as its image does it."""
    program = folder / "kubejobs-runner"
    command = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(program), "."]
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    subprocess.run(command, cwd=SOURCE, env=environment, check=True, timeout=BUILD_SECONDS)
    return program


@pytest.fixture(scope="session")
def static_runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static runner's file."""
    if shutil.which("go") is None:
        pytest.skip(NO_GO)
    return build(tmp_path_factory.mktemp("runner"))


@pytest.fixture(params=["python", "static"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Each of the runners in turn."""
    if request.param == "static":
        yield Runner((request.getfixturevalue("static_runner"),))
    else:
        yield Runner(python("-m", "kubejobs.worker.main"))
