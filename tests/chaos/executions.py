"""What was really run, as the workers wrote it down: the ledger is checked against this.

Times are seconds of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of one item; `ended` is None where its worker did not live to the item's end."""

    item: str
    worker: str
    started: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerLog:
    """One worker's runs in their order, and how many of its acknowledgements came too late, as it was told."""

    worker: str
    runs: tuple[Execution, ...]
    late: int


def read_log(path: Path) -> WorkerLog:
    """The log of one worker, which is named as its file."""
    runs: list[Execution] = []
    late = 0
    for line in path.read_text().splitlines():
        what, time, text = line.split(" ")
        if what == "start":
            runs.append(Execution(text, path.stem, float(time)))
        elif what == "end":
            runs[-1] = replace(runs[-1], ended=float(time))
        else:
            late = int(text)
    return WorkerLog(path.stem, tuple(runs), late)


class Executions:
    """All runs of all items."""

    def __init__(self, folder: Path) -> None:
        self.logs = {path.stem: read_log(path) for path in sorted(folder.glob("*.log"))}
        self.of_item: dict[str, list[Execution]] = defaultdict(list)
        for run in sorted((run for log in self.logs.values() for run in log.runs), key=lambda run: run.started):
            self.of_item[run.item].append(run)

    @property
    def completed(self) -> set[str]:
        """Items that were run to their end at least once."""
        return {item for item, runs in self.of_item.items() if any(run.ended is not None for run in runs)}

    @property
    def late(self) -> int:
        """Acknowledgements that their workers were told came too late."""
        return sum(log.late for log in self.logs.values())

    def repeated(self) -> list[Execution]:
        """Runs that were followed by another run of the same item."""
        return [run for runs in self.of_item.values() for run in runs[:-1]]

    def unexplained(self, killed: Collection[str]) -> list[Execution]:
        """Repeated runs which no kill and no late acknowledgement explains.

        What a killed worker held are the last runs in its log: none of those before one that counted. A late
        acknowledgement is of one lease, so it explains some runs in a row: of any other worker as many such groups are
        excused as it was told that they came too late.
        """
        repeated = set(self.repeated())
        found: list[Execution] = []
        for worker, log in self.logs.items():
            groups = [list(group) for again, group in groupby(log.runs, key=repeated.__contains__) if again]
            if worker in killed and groups and groups[-1][-1] == log.runs[-1]:
                groups.pop()
            found += chain.from_iterable(groups[log.late :])
        return found

    def next_start(self, item: str, after: float) -> float | None:
        """When the item was started for the first time after that moment."""
        return next((run.started for run in self.of_item[item] if run.started > after), None)


def distribution(values: Iterable[float]) -> str:
    """Count, median, 99th percentile (nearest rank) and longest of some seconds, in words."""
    ordered = sorted(values)
    if not ordered:
        return "none"

    def rank(share: float) -> float:
        return ordered[math.ceil(share * len(ordered)) - 1]

    return f"n {len(ordered)}, p50 {rank(0.5):.2f} s, p99 {rank(0.99):.2f} s, max {ordered[-1]:.2f} s"
