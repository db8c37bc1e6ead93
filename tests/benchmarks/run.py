"""The queue's speed, recovery and memory beside its peers', all in one run on one server.

    .venv/bin/python tests/benchmarks/run.py [--quick] [--only noop,enqueue,…] [--write]

Prints a Markdown page of tables; `--write` puts it into docs/performance.md, between the two marks there. Peers are
installed at the first run. Nothing here is asserted by a test, and a bar that is missed is only said.
"""

from __future__ import annotations

import argparse
import platform
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os

from benchmarks import enqueue_rates, kill_recovery, queue_memory, queue_noop, worker_memory
from benchmarks.contenders import ARQ_VENV, PEERS_VENV
from benchmarks.environments import ROOT, versions
from benchmarks.figures import Rounds, Section, bars_table
from benchmarks.running import measured_server
from support.valkey import ValkeyServer

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SIGTERM_EXIT_CODE = 128 + signal.SIGTERM
PARTS = ("noop", "enqueue", "worker", "kill", "memory")
PEERS = ("huey", "dramatiq", "celery", "taskiq", "taskiq-redis", "saq", "rq", "redis", "hiredis", "uvloop")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is done: rounds, the share of their items, seconds to wait for peers, items for the server's memory."""

    rounds: int
    share: float
    wait_seconds: float
    memory_items: int


FULL = Extent(rounds=5, share=1.0, wait_seconds=75.0, memory_items=1_000_000)
QUICK = Extent(rounds=1, share=0.3, wait_seconds=15.0, memory_items=100_000)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of fewer items: to see that all of it runs")
    parser.add_argument("--rounds", type=int, help="rounds, if not 5 (or 1)")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only {','.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    extent = QUICK if options.quick else FULL
    rounds = options.rounds or extent.rounds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(SIGTERM_EXIT_CODE))  # so that server and workers end with it
    versions(PEERS_VENV), versions(ARQ_VENV)  # installed before the time runs
    started, load = time.monotonic(), os.getloadavg()[0]
    with measured_server() as server:
        sections = measured_sections(server, parts, extent, rounds)
        seconds = time.monotonic() - started
        text = page(sections, circumstances(server, rounds, extent.share, seconds, load))
    sys.stdout.write(text)
    if options.write:
        write(text)


def measured_sections(server: ValkeyServer, parts: list[str], extent: Extent, rounds: int) -> list[Section]:
    """The parts that were asked for, in their order."""
    sections = []
    peers = Rounds()
    if "noop" in parts:
        figures = queue_noop.measure(server, rounds, extent.share)
        peers = figures.enqueue
        sections.append(queue_noop.section(figures))
    if "enqueue" in parts:
        sections.append(enqueue_rates.section(enqueue_rates.measure(server, rounds, extent.share, peers)))
    if "worker" in parts:
        sections.append(worker_memory.section(worker_memory.measure(server)))
    if "kill" in parts:
        found = kill_recovery.measure(server, extent.wait_seconds)
        sections.append(kill_recovery.section(found, extent.wait_seconds))
    if "memory" in parts:
        memory = queue_memory.measure(server, extent.memory_items)
        sections.append(queue_memory.section(memory, extent.memory_items))
    return sections


def page(sections: list[Section], circumstances: str) -> str:
    """The bars, and below them each part."""
    bars = [bar for section in sections for bar in section.bars]
    return "\n".join(
        [
            circumstances,
            "",
            "### Bars",
            "",
            bars_table(bars),
            "",
            *(section.markdown() for section in sections),
        ]
    )


def circumstances(server: ValkeyServer, rounds: int, share: float, seconds: float, load: float) -> str:
    """When, on what, how busy that was, and what versions."""
    with server.client() as client:
        information = client.info("server")
    name = information.get("server_name", "redis")
    number = information.get("valkey_version") or information["redis_version"]
    installed = versions(PEERS_VENV)
    peers = ", ".join(f"{peer} {installed[peer]}" for peer in PEERS if peer in installed)
    with_arq = versions(ARQ_VENV)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} shared cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {name} {number} on loopback, append-only file synced every second; "
        f"{rounds} interleaved rounds of {share:.0%} of the items in {seconds / 60:.0f} minutes; load average "
        f"{load:.1f} at the start, {os.getloadavg()[1]:.1f} over the last five minutes. Peers: {peers}; "
        f"arq {with_arq['arq']} (with redis {with_arq['redis']})."
    )


def write(text: str) -> None:
    """Replace what is between the marks of the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


if __name__ == "__main__":
    main()
