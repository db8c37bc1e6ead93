"""The helper process itself; run by its path.

A process of its own goes on while native code in the worker holds the interpreter's lock. It reads which leases to
renew from memory shared with the worker, which costs the worker nothing an item.

Rule: it never outlives its worker: it ends when its standard input ends, or when it has another parent.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import sys
import time
from typing import Any

_LOOK_SECONDS = 0.25
"""How often the shared memory is read: for leases it is seldom needed, for a long item and for draining it is soon."""


def run(config: dict[str, Any], area: mmap.mmap) -> None:
    """Keep the leases in `area` and the readiness port until the worker is gone."""
    from kubejobs.worker.helper.keeping import Keeper  # noqa: PLC0415  # found only after main() has named the folder

    keeper = Keeper(config, area)
    worker = os.getppid()
    look_seconds = min(_LOOK_SECONDS, config["interval_seconds"] / 2)
    try:
        while os.getppid() == worker:
            readable, _, _ = select.select([0, *keeper.readiness_descriptor()], [], [], look_seconds)
            if 0 in readable:
                return
            keeper.look(time.monotonic())
    finally:
        keeper.close()


def main() -> None:
    """Read the configuration from standard input's first line, then work until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the worker decides when this process ends
    # The package's own folder, after the standard library's: site-packages are not on the path.
    sys.path.append(__file__.rsplit(os.sep, 4)[0])
    with open(0, "rb", buffering=0, closefd=False) as first_line:  # unbuffered: what follows is the end alone
        config = json.loads(first_line.readline())
    with mmap.mmap(config["descriptor"], config["area_bytes"]) as area:
        run(config, area)


if __name__ == "__main__":
    main()
