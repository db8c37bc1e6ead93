"""How soon others take up what killed workers held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaos.executions import Executions


@dataclass(frozen=True, slots=True)
class Recovery:
    """One item that a killed worker held, by the ledger; `interrupted`: it had been started and not ended.

    `seconds` are from the kill to the item's next start.
    """

    worker: str
    item: str
    seconds: float
    interrupted: bool


def recoveries(executions: Executions, killed: Mapping[str, float], held: Mapping[str, set[str]]) -> list[Recovery]:
    """Of each item that a killed worker held; of an item that several held in succession the last before it started."""
    last: dict[tuple[str, float], str] = {}
    for worker in sorted(killed, key=killed.__getitem__):
        for item in held[worker]:
            start = executions.next_start(item, killed[worker])
            if start is not None:
                last[item, start] = worker
    cut_off = {run for log in executions.logs.values() for run in log.runs if run.ended is None}
    interrupted = {(run.worker, run.item) for run in cut_off}
    return [
        Recovery(worker, item, start - killed[worker], (worker, item) in interrupted)
        for (item, start), worker in last.items()
    ]


def first_of_each_worker(found: list[Recovery]) -> Iterator[float]:
    """When the first item of each killed worker was started again: its lease had been taken over by then."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for one in found:
        seconds[one.worker].append(one.seconds)
    return map(min, seconds.values())
