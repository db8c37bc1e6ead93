"""Memory of one worker at work: its own process and its heartbeat's, by the kernel's account of each page."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import OURS, Contender
from benchmarks.figures import Bar, Section
from benchmarks.running import BenchmarkError, descendants, enqueue, environment, reset, worker
from support.valkey import ValkeyServer

MEBIBYTE = 1024.0
"""In the kernel's unit, kB."""
BAR_MEBIBYTES = 35.0
SETTLE_SECONDS = 1.5
ITEMS = 1_000_000


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One process, in MiB: `pss` shares common pages among those who map them, `rss` counts them whole."""

    role: str
    rss: float
    pss: float
    private: float


def measure(server: ValkeyServer) -> dict[str, tuple[ProcessMemory, ...]]:
    """Worker and helper while no-ops run, item by item and in batches."""
    return {batch: _at_work(server, OURS[batch]) for batch in ("1", "100")}


def _at_work(server: ValkeyServer, contender: Contender) -> tuple[ProcessMemory, ...]:
    reset(server)
    with tempfile.TemporaryDirectory(prefix="kubejobs-bench-") as folder:
        variables = environment(server, contender, BENCH_METER=Path(folder, "meter"))
        enqueue(contender, "noop", ITEMS, variables)
        with worker(contender, variables, Path(folder, "log")) as process:
            time.sleep(SETTLE_SECONDS)
            helpers = descendants(process.pid)
            if not helpers:
                raise BenchmarkError(f"{contender.name} was not at work after {SETTLE_SECONDS:g} s")
            return (_memory("worker", process.pid), *(_memory("helper", helper.pid) for helper in helpers))


def _memory(role: str, pid: int) -> ProcessMemory:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = {line.split(":")[0]: float(line.split()[1]) for line in text.splitlines()[1:]}
    private = kib["Private_Clean"] + kib["Private_Dirty"]
    return ProcessMemory(role, kib["Rss"] / MEBIBYTE, kib["Pss"] / MEBIBYTE, private / MEBIBYTE)


def section(found: dict[str, tuple[ProcessMemory, ...]]) -> Section:
    """The table and its bar: the larger of the two workers, helper included."""
    rows = [
        (f"batch {batch}", memory.role, *(f"{value:.1f} MiB" for value in (memory.pss, memory.rss, memory.private)))
        for batch, processes in found.items()
        for memory in processes
    ]
    whole = {batch: sum(memory.pss for memory in processes) for batch, processes in found.items()}
    return Section(
        "Memory of a worker",
        "Of the no-op worker and its heartbeat process at work; the program that uses the library comes on top. PSS is "
        "what the two take of the machine; pages that they share with other Pythons on it are divided, so a pod in "
        "which nothing else runs is charged up to the RSS of the worker and what is private to the helper.",
        ("worker", "process", "PSS", "RSS", "private"),
        rows,
        (Bar("memory of a worker with its heartbeat, PSS", max(whole.values(), default=None), BAR_MEBIBYTES,
             at_least=False, unit="MiB"),
         Bar("the same, alone in a pod (RSS of the worker + private of the helper)",
             max((_alone(p) for p in found.values()), default=None), BAR_MEBIBYTES, at_least=False, unit="MiB")),
    )  # fmt: skip


def _alone(processes: tuple[ProcessMemory, ...]) -> float:
    worker_process, *helpers = processes
    return worker_process.rss + sum(helper.private for helper in helpers)
