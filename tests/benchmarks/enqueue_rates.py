"""Items enqueued per second: a raw pipeline of 1000 values per RPUSH, a fill, an append, and the peers.

The peers' rates are those at which the no-ops of their rounds were enqueued.
"""

from __future__ import annotations

import sys

from benchmarks.contenders import FAST_PEERS, OWN_VENV, Contender
from benchmarks.figures import DASH, Bar, Rounds, Section, rate, ratio, short
from benchmarks.running import enqueue, environment, reset
from support.valkey import ValkeyServer

ITEMS = 500_000
TO_RAW = 0.8
FILL = Contender("kubejobs, fill", "kubejobs_app", (), "one call of fill", venv=OWN_VENV)
APPEND = Contender("kubejobs, append", "kubejobs_append_app", (), "one call of append", venv=OWN_VENV)
PIPELINE = Contender("raw pipeline", "raw_app", (), "1000 values per RPUSH, 8 per round trip", venv=OWN_VENV)


def measure(server: ValkeyServer, rounds: int, share: float, peers: Rounds) -> Rounds:
    """Ours and the raw pipeline in turns; `peers` has the rates of the others already."""
    figures = Rounds({peer.name: peers.values[peer.name] for peer in FAST_PEERS if peer.name in peers.values})
    items = int(ITEMS * share)
    for number in range(1, rounds + 1):
        for contender in (PIPELINE, FILL, APPEND):
            reset(server)
            seconds = enqueue(contender, "noop", items, environment(server, contender))
            figures.add(contender.name, items / seconds)
        last = ", ".join(f"{c.name} {rate(figures.values[c.name][-1])}" for c in (PIPELINE, FILL, APPEND))
        sys.stderr.write(f"enqueueing, round {number}: {last}\n")
    return figures


def section(figures: Rounds) -> Section:
    """The table of rates and our bar."""
    raw = figures.median(PIPELINE.name)
    bars = [
        Bar(f"enqueueing by {what}, to a raw pipeline", ratio(figures.median(contender.name), raw), TO_RAW)
        for what, contender in (("fill", FILL), ("append", APPEND))
    ]
    rows = []
    for contender in (PIPELINE, FILL, APPEND, *FAST_PEERS):
        median = figures.median(contender.name)
        to_raw = ratio(median, raw)
        share = DASH if to_raw is None else short(to_raw)
        rows.append((contender.name, rate(median), figures.spread(contender.name), share))
    return Section(
        "Enqueueing",
        "Items of 78 bytes per second from one process, connecting included.",
        ("queue", "items/s", "rounds", "to raw"),
        rows,
        bars,
    )
