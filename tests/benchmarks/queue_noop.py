"""No-op items per second of one worker process: the raw loop, ours, and the peers, in interleaved rounds."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from benchmarks.contenders import FAST_PEERS, OURS, RAW, Contender
from benchmarks.figures import DASH, Bar, Rounds, Section, rate, ratio, short
from benchmarks.running import BenchmarkError, measured_run
from support.valkey import ValkeyServer

PATIENCE_SECONDS = 60.0
MICROSECONDS = 1e6
SINGLE_TO_RAW, SINGLE_TO_PEER = 0.8, 2.0
BATCH_TO_RAW, BATCH_PER_SECOND, BATCH_TO_PEER = 0.5, 100_000.0, 30.0
CPU_MICROSECONDS = 60.0


@dataclass
class NoopFigures:
    """Rates per second of working and of enqueueing, and the client's CPU in microseconds an item."""

    noop: Rounds = field(default_factory=Rounds)
    enqueue: Rounds = field(default_factory=Rounds)
    cpu: Rounds = field(default_factory=Rounds)
    failed: set[str] = field(default_factory=set)

    def note(self, name: str, items: int, measured: dict[str, float]) -> None:
        """One contender's round."""
        self.noop.add(name, measured["items"] / measured["seconds"])
        self.enqueue.add(name, items / measured["enqueue_seconds"])
        self.cpu.add(name, MICROSECONDS * measured["cpu_seconds"] / measured["items"])


def measure(server: ValkeyServer, rounds: int, share: float) -> NoopFigures:
    """Every contender in every round; `share` of a full round's items. One that fails is left out from then on."""
    figures = NoopFigures()
    contenders = [*RAW.values(), *OURS.values(), *FAST_PEERS]
    for number in range(1, rounds + 1):
        for contender in contenders:
            if contender.name not in figures.failed:
                _run(server, contender, max(200, int(contender.items * share)), figures)
        seen = ", ".join(f"{c.name} {rate(figures.noop.values.get(c.name, [0])[-1])}" for c in contenders)
        sys.stderr.write(f"no-ops, round {number}: {seen}\n")
    return figures


def _run(server: ValkeyServer, contender: Contender, items: int, figures: NoopFigures) -> None:
    try:
        figures.note(contender.name, items, measured_run(server, contender, items, PATIENCE_SECONDS))
    except BenchmarkError as error:
        figures.failed.add(contender.name)
        sys.stderr.write(f"left out: {error}\n")


def section(figures: NoopFigures) -> Section:
    """The table of no-ops and its bars."""
    best = figures.noop.best(peer.name for peer in FAST_PEERS)
    best_name, best_rate = best or ("none", None)
    rows = [
        _row(figures, contender, raw, best_rate)
        for contender, raw in [
            *((c, c) for c in RAW.values()),
            *((c, RAW.get(int(batch) if batch != "auto" else 100)) for batch, c in OURS.items()),
            *((c, None) for c in FAST_PEERS),
        ]
    ]
    return Section(
        "No-op items of one worker process",
        f"Items per second, the median of the rounds with their lowest and highest; best peer: {best_name}.",
        ("worker", "settings", "items/s", "rounds", "to raw", "to best peer", "client CPU"),
        rows,
        _bars(figures, best_rate, best_name),
    )


def _row(figures: NoopFigures, contender: Contender, raw: Contender | None, best: float | None) -> tuple[str, ...]:
    name = contender.name
    median, cpu = figures.noop.median(name), figures.cpu.median(name)
    to_raw = ratio(median, figures.noop.median(raw.name)) if raw else None
    to_best = ratio(median, best)
    return (
        name, contender.settings, rate(median), figures.noop.spread(name),
        DASH if to_raw is None else short(to_raw), DASH if to_best is None else short(to_best),
        DASH if cpu is None else f"{short(cpu)} µs",
    )  # fmt: skip


def _bars(figures: NoopFigures, best: float | None, best_name: str) -> list[Bar]:
    single, batch = figures.noop.median(OURS["1"].name), figures.noop.median(OURS["100"].name)
    raw_single, raw_batch = figures.noop.median(RAW[1].name), figures.noop.median(RAW[100].name)
    return [
        Bar("no-ops item by item, to the raw loop", ratio(single, raw_single), SINGLE_TO_RAW),
        Bar(f"no-ops item by item, to the best peer ({best_name})", ratio(single, best), SINGLE_TO_PEER),
        Bar("no-ops in batches of 100, a second", batch, BATCH_PER_SECOND, unit="items"),
        Bar("no-ops in batches of 100, to the raw loop (either this or the one above)",
            ratio(batch, raw_batch), BATCH_TO_RAW),
        Bar(f"no-ops in batches of 100, to the best peer ({best_name})", ratio(batch, best), BATCH_TO_PEER),
        Bar("client CPU an item in batches of 100", figures.cpu.median(OURS["100"].name), CPU_MICROSECONDS,
            at_least=False, unit="µs"),
    ]  # fmt: skip
