"""The demo's workload: the source files of this Python installation, as many as keep a few workers busy for a minute.

Rule: the same machine gets the same files in the same order: they are ordered by a hash of their path, so that big
files are spread evenly over the run. The standard library comes first; packages fill up where a machine is fast.
"""

from __future__ import annotations

import hashlib
import json
import os
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

_SAMPLE_CPU_SECONDS = 1.0
_SMALLEST_SAMPLE = 20
# A worker also takes the item from the queue, stores the result and acknowledges; seen to be a tenth of the measuring.
_QUEUE_SHARE = 0.1

Measure = Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file and its size, which its cost is estimated by."""

    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Workload:
    """The chosen files, and the CPU seconds that one core of this machine is expected to need for all of them."""

    files: tuple[SourceFile, ...]
    cpu_seconds: float

    def write(self, file: Path) -> None:
        """One path a line."""
        file.write_text("".join(f"{each.path}\n" for each in self.files), encoding="utf-8")


def choose_workload(measure: Measure, target_cpu_seconds: float) -> Workload:
    """The standard library's files, fewer or more by as much as it takes to cost about `target_cpu_seconds`."""
    libraries = iter((_standard_library(), _packages()))
    sample = _ordered(next(libraries))
    cost = cpu_seconds_a_byte(measure, sample)
    return take(chain(sample, chain.from_iterable(map(_ordered, libraries))), cost, target_cpu_seconds)


def take(files: Iterable[SourceFile], cost: float, target_cpu_seconds: float) -> Workload:
    """The first files that together cost the target, at `cost` CPU seconds a byte; all of them if they cost less."""
    chosen: list[SourceFile] = []
    cpu_seconds = 0.0
    for file in files:
        if cpu_seconds >= target_cpu_seconds:
            break
        chosen.append(file)
        cpu_seconds += file.size_bytes * cost
    return Workload(tuple(chosen), cpu_seconds)


def cpu_seconds_a_byte(
    measure: Measure, files: Iterable[SourceFile], cpu_clock: Callable[[], float] = time.process_time
) -> float:
    """What a worker needs for a byte of source on this machine, from measuring files here for about a second."""
    started_at, size_bytes = cpu_clock(), 0
    for count, file in enumerate(files, start=1):
        json.dumps(measure(str(file.path)))
        size_bytes += file.size_bytes
        if count >= _SMALLEST_SAMPLE and cpu_clock() - started_at >= _SAMPLE_CPU_SECONDS:
            break
    return (cpu_clock() - started_at) * (1 + _QUEUE_SHARE) / max(size_bytes, 1)


def _ordered(files: Iterable[SourceFile]) -> list[SourceFile]:
    return sorted(files, key=lambda file: hashlib.sha256(os.fsencode(file.path)).digest())


def _standard_library() -> Iterator[SourceFile]:
    return source_files(Path(sysconfig.get_path("stdlib")))


def _packages() -> Iterator[SourceFile]:
    return source_files(Path(sysconfig.get_path("purelib")))


def source_files(folder: Path) -> Iterator[SourceFile]:
    """Every readable, non-empty source file below `folder`; packages installed into it are not followed."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"site-packages", "dist-packages", "__pycache__"}]
        for name in names:
            path = Path(root, name)
            if name.endswith(".py") and str(path).isprintable() and os.access(path, os.R_OK):
                size_bytes = path.stat().st_size
                if size_bytes:
                    yield SourceFile(path, size_bytes)
