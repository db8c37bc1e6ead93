"""kill -9 of workers in the middle of items: when the second run of an interrupted item starts, and what is lost.

100 items of 50 ms, two workers that take one item at a time. Three times, when a quarter, half and three quarters are
done, a worker that is in the middle of an item is killed with all its processes, and replaced at once. Then the run is
watched until every item has ended, or for a bounded time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contenders import OURS_RECOVERY, RECOVERY_PEERS, Contender
from benchmarks.figures import DASH, Bar, Section
from benchmarks.recovery_events import Event, Kill, Recovery, judged, read_events
from benchmarks.running import BenchmarkError, enqueue, environment, kill, reset, worker
from support.valkey import ValkeyServer

ITEMS = 100
WORKERS = 2
KILL_AT = (25, 50, 75)
LEASE_SECONDS = 3.0
AFTERWARDS_SECONDS = 4.0
"""How long a finished run is watched for items that run again."""
START_SECONDS = 60.0
FRESH_SECONDS = 0.03
"""An item of 50 ms that started no longer ago is still running when its worker is killed."""
_POLL_SECONDS = 0.005


class _Run:
    """One contender's run, in a database of its own."""

    def __init__(self, stack: ExitStack, contender: Contender, variables: dict[str, str], folder: Path) -> None:
        self._stack, self._contender, self._variables = stack, contender, variables
        self.path, self.log = folder / "events", folder / "log"
        self._started = 0
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: list[Kill] = []
        self.events: list[Event] = []
        self._begun = time.monotonic()

    def start_worker(self) -> None:
        """One more worker, with a name of its own."""
        self._started += 1
        name = f"w{self._started}"
        variables = self._variables | {"BENCH_WORKER": name, "POD_NAME": name, "BENCH_EVENTS": str(self.path)}
        self._workers[name] = self._stack.enter_context(worker(self._contender, variables, self.log))

    def look(self) -> int:
        """Read what was written; how many items have ended."""
        self.events = read_events(self.path)
        return len({event.item for event in self.events if event.what == "end"})

    def silent_seconds(self) -> float:
        """How long nothing has happened."""
        return time.monotonic() - (self.events[-1].at if self.events else self._begun)

    def kill_if_due(self, done: int) -> None:
        """Kill and replace a worker that has just started an item, if it is time for the next kill."""
        if len(self.kills) == len(KILL_AT) or done < KILL_AT[len(self.kills)]:
            return
        latest = {event.worker: event for event in self.events}
        now = time.monotonic()
        for name, process in self._workers.items():
            event = latest.get(name)
            if event is not None and event.what == "start" and now - event.at < FRESH_SECONDS:
                self.kills.append(Kill(name, time.monotonic()))
                kill(process, event.pid)
                del self._workers[name]
                self.start_worker()
                return


def run_one(server: ValkeyServer, contender: Contender, database: int, wait_seconds: float) -> Recovery:
    """One contender's run; watched until nothing has happened for `wait_seconds`, or all is done."""
    with tempfile.TemporaryDirectory(prefix="kubejobs-kill-") as folder, ExitStack() as stack:
        variables = environment(server, contender, database, BENCH_MODE="recovery")
        enqueue(contender, "timed", ITEMS, variables)
        run = _Run(stack, contender, variables, Path(folder))
        for _ in range(WORKERS):
            run.start_worker()
        while True:
            done = run.look()
            run.kill_if_due(done)
            patience = AFTERWARDS_SECONDS if done == ITEMS else wait_seconds if run.events else START_SECONDS
            if run.silent_seconds() > patience:
                break
            time.sleep(_POLL_SECONDS)
        if not run.events:
            raise BenchmarkError(f"{contender.name} started no item:\n{run.log.read_text()[-2000:]}")
        return judged(run.events, run.kills, ITEMS)


def measure(server: ValkeyServer, wait_seconds: float) -> dict[str, Recovery | None]:
    """Ours alone, then all peers at once, as they mostly wait; None for one that could not be run."""
    reset(server)
    found: dict[str, Recovery | None] = {OURS_RECOVERY.name: _tried(server, OURS_RECOVERY, 0, wait_seconds)}
    with ThreadPoolExecutor(len(RECOVERY_PEERS)) as pool:
        runs = {
            peer.name: pool.submit(_tried, server, peer, database, wait_seconds)
            for database, peer in enumerate(RECOVERY_PEERS, 1)
        }
        return found | {name: run.result() for name, run in runs.items()}


def _tried(server: ValkeyServer, contender: Contender, database: int, wait_seconds: float) -> Recovery | None:
    try:
        found = run_one(server, contender, database, wait_seconds)
    except BenchmarkError as error:
        sys.stderr.write(f"left out: {error}\n")
        return None
    sys.stderr.write(f"kill -9: {contender.name}: {found}\n")
    return found


def section(found: dict[str, Recovery | None], wait_seconds: float) -> Section:
    """The table of recoveries and our bar."""
    contenders = (OURS_RECOVERY, *RECOVERY_PEERS)
    ours = found.get(OURS_RECOVERY.name)
    slowest = max(ours.restarted_after) if ours and ours.restarted_after else None
    unfinished = None if ours is None else float(ours.lost)
    return Section(
        "kill -9 in the middle of items",
        f"{ITEMS} items of 50 ms, {WORKERS} workers of one item at a time, {len(KILL_AT)} kills, each worker "
        'replaced at once, each queue with the settings that run an interrupted item again soonest. "Not run again": '
        f"within {wait_seconds:g} s in which nothing else happened.",
        ("queue", "settings", "second run starts after", "interrupted", "not run again", "ended twice"),
        [_row(contender, found.get(contender.name)) for contender in contenders],
        (
            Bar("second run of an interrupted item starts after (lease 3 s)", slowest, LEASE_SECONDS + 1,
                at_least=False, unit="s"),
            Bar("items lost by kill -9", unfinished, 0, at_least=False, unit="items"),
        ),
    )  # fmt: skip


def _row(contender: Contender, found: Recovery | None) -> Sequence[str]:
    if found is None:
        return contender.name, contender.settings, "not measured", DASH, DASH, DASH
    after = ", ".join(f"{seconds:.1f}" for seconds in sorted(found.restarted_after))
    return (
        contender.name, contender.settings, f"{after} s" if after else "never",
        str(found.interrupted), str(found.lost), str(found.twice),
    )  # fmt: skip
