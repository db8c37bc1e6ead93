"""The two tasks that every contender runs, and what they write down. Standard library only: it runs in peers' Pythons.

`noop` measures the steady state within the worker process: from the item at which it is warm to the last one.
`timed` takes 50 ms and writes its start and end as lines of one shared file, by the clock that all processes share.

Environment: BENCH_URL the server; BENCH_MODE `fast` or `recovery`, which settings a peer is to use; BENCH_ITEMS and
BENCH_METER how many no-ops there are and where to write what was measured; BENCH_EVENTS the file of `timed`, and
BENCH_WORKER the name by which its lines tell workers apart.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from pathlib import Path

URL = os.environ.get("BENCH_URL", "")
RECOVERY = os.environ.get("BENCH_MODE") == "recovery"
LEASE_SECONDS = 3
"""How long recovery settings may take a silent worker for alive, where a peer lets one choose."""

ITEM_SECONDS = 0.05
_WARM_SHARE = 0.2
_items = int(os.environ.get("BENCH_ITEMS", "0"))
_warm_at = max(1, int(_items * _WARM_SHARE))
_numbers = itertools.count(1)
_warm: list[float] = []


def noop(value: str = "") -> None:
    """Do nothing but count; at the last item write items, seconds and CPU seconds since the process was warm."""
    number = next(_numbers)
    if number == _warm_at:
        _warm[:] = [time.perf_counter(), time.process_time()]
    elif number == _items and _warm:
        now, cpu = time.perf_counter(), time.process_time()
        measured = {"items": _items - _warm_at, "seconds": now - _warm[0], "cpu_seconds": cpu - _warm[1]}
        _write_whole(Path(os.environ["BENCH_METER"]), json.dumps(measured))


def timed(value: str) -> None:
    """Take 50 ms, with a line in the shared file before and after."""
    _note("start", value)
    time.sleep(ITEM_SECONDS)
    _note("end", value)


async def async_noop(value: str = "") -> None:
    """`noop` for peers that run coroutines."""
    noop(value)


async def async_timed(value: str) -> None:
    """`timed` for peers that run coroutines."""
    _note("start", value)
    await asyncio.sleep(ITEM_SECONDS)
    _note("end", value)


def _note(what: str, value: str) -> None:
    line = f"{what} {value} {os.environ['BENCH_WORKER']} {os.getpid()} {time.monotonic():.6f}\n"
    descriptor = os.open(os.environ["BENCH_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _write_whole(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.rename(path)
