"""Memory of the queue's server per item, in five states of a run, by the server's own account (INFO, used_memory)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import OURS
from benchmarks.figures import Bar, Section
from benchmarks.running import BenchmarkError, environment, reset, wait_for_frees
from support.valkey import ValkeyServer

ITEMS = 1_000_000
BAR_BYTES = 400.0
NOISE_BYTES = 1_000_000
"""By how much the server's memory moves without items: buffers of clients and of its file."""
SCENARIOS: Mapping[str, str] = {
    "queued": "all items queued",
    "done": "all done",
    "delayed": "all failed once and waiting for their retry, each with an error and its traceback",
    "dead": "all given up, each with an error and its traceback",
    "results": "half of them done with a result of 40 bytes, the others without",
}


@dataclass(frozen=True, slots=True)
class ServerMemory:
    """Bytes an item, and the seconds it took to get there."""

    bytes_per_item: float
    seconds: float


def measure(server: ValkeyServer, items: int) -> dict[str, ServerMemory | None]:
    """Each scenario on an emptied server; None for one that could not be run."""
    return {name: _tried(server, name, items) for name in SCENARIOS}


def _tried(server: ValkeyServer, name: str, items: int) -> ServerMemory | None:
    try:
        found = _scenario(server, name, items)
    except BenchmarkError as error:
        sys.stderr.write(f"left out: {error}\n")
        return None
    sys.stderr.write(f"server memory, {name}: {found}\n")
    return found


def _scenario(server: ValkeyServer, name: str, items: int) -> ServerMemory:
    reset(server)
    with server.client() as client:
        before = int(client.info("memory")["used_memory"])
        started = time.monotonic()
        command = [sys.executable, str(Path(__file__).with_name("workers") / "memory_states.py"), name, str(items)]
        variables = environment(server, OURS["100"])
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkError(f"memory of {name}: {done.stderr[-2000:]}")
        seconds = time.monotonic() - started
        wait_for_frees(client)
        seen = json.loads(done.stdout)
        if sum(seen.values()) != items:
            raise BenchmarkError(f"memory of {name}: the ledger has {seen}, not {items} items")
        grown = int(client.info("memory")["used_memory"]) - before
        if grown < -NOISE_BYTES:
            raise BenchmarkError(f"memory of {name}: it shrank by {-grown} bytes: it was not empty before")
        return ServerMemory(max(grown, 0) / items, seconds)


def section(found: dict[str, ServerMemory | None], items: int) -> Section:
    """The table and its bars."""
    rows = [
        (SCENARIOS[name], "not measured" if memory is None else f"{memory.bytes_per_item:.0f} B")
        for name, memory in found.items()
    ]
    bars = [
        Bar(f"server memory an item, {SCENARIOS[name].split(',')[0]}", memory and memory.bytes_per_item, BAR_BYTES,
            at_least=False, unit="B")
        for name, memory in found.items()
    ]  # fmt: skip
    return Section(
        "Memory of the queue's server",
        f"Growth of used_memory by {items:,} items of 78 bytes, everything included, divided by their number.",
        ("state", "an item"),
        rows,
        bars,
    )
