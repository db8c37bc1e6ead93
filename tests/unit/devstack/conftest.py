"""Stacks of harmless parts: shell and Python one-liners under the real supervisor."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.layout import REPOSITORY, Layout
from devstack.part import Part
from devstack.processes import Process

sys.path.insert(0, str(REPOSITORY / "examples"))

LIMIT_SECONDS = 20.0


@pytest.fixture(name="wait_for")
def wait_for_fixture() -> Callable[[Callable[[], object], str], None]:
    """`wait_for(condition, what)` returns when the condition holds, or fails the test with what was waited for."""
    return wait_for


def wait_for(condition: Callable[[], object], what: str) -> None:
    """The fixture's function."""
    give_up_at = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < give_up_at, f"waited in vain for {what}"
        time.sleep(0.01)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty state folder."""
    layout = Layout(state=tmp_path / "state")
    layout.make()
    return layout


@pytest.fixture
def part(layout: Layout) -> Callable[..., Part]:
    """A maker of parts: Python code under a name; the code finds the state folder in `state`."""

    def make(name: str, code: str, **options: object) -> Part:
        source = (
            f"import os, signal, subprocess, sys, time, pathlib\nstate = pathlib.Path({str(layout.state)!r})\n{code}"
        )
        return Part(
            name=name,
            command=(sys.executable, "-S", "-c", source),
            log=layout.logs / f"{name}.log",
            environment=dict(os.environ),
            **options,
        )

    return make


@pytest.fixture
def pids(layout: Layout) -> Iterator[Callable[[str], Process]]:
    """Reads a process that a part has written down under a name; whatever still runs at the end is ended."""
    seen: list[Process] = []

    def read(name: str) -> Process:
        file = layout.state / f"{name}.pid"
        wait_for(lambda: file.exists() and file.read_text(), f"the process id of {name}")
        process = Process.of(int(file.read_text()))
        assert process is not None
        seen.append(process)
        return process

    yield read
    for process in seen:
        process.signal(9)
