"""Chaos tests: run by naming this folder; their figures are printed after them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.queue_fixtures import address, keys, queue, raw, valkey

__all__ = ["address", "keys", "queue", "raw", "valkey"]

FULL_SIZE = 50_000
_TEST_SECONDS = 180
_figures = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register this folder's marker."""
    config.addinivalue_line("markers", "chaos: breaks workers, the queue's server or the network while a run goes on")
    config.stash[_figures] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests, and bound the time of each."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.timeout(_TEST_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured."""
    if config.stash[_figures]:
        terminalreporter.section("figures")
        for line in config.stash[_figures]:
            terminalreporter.write_line(line)


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a line of figures for the end of the test session."""
    lines = request.config.stash[_figures]
    return lambda text: lines.append(f"{request.node.name}: {text}")


@pytest.fixture(scope="session")
def size() -> int:
    """Items of the largest test, from KUBEJOBS_CHAOS_ITEMS; the others' numbers are shares of it."""
    return int(os.environ.get("KUBEJOBS_CHAOS_ITEMS", str(FULL_SIZE)))
