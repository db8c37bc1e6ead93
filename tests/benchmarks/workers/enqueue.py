"""Put items into a contender's queue and print how long that took: `enqueue.py APP TASK COUNT`.

APP is a module beside this one with `enqueue(task, items)`, which returns when all are in the queue, and where its
worker is to be without what enqueueing imports, `prepare()`. Imports and the making of the items are not in the time,
connecting is.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

ITEM_BYTES = 78


def items_for(task: str, count: int) -> list[str]:
    """Items as long as usual object-store paths; for the timed task, which writes them down, numbers."""
    if task == "timed":
        return [str(number) for number in range(count)]
    return [f"s3://a-bucket/with/some/prefix/year=2026/part-{n:08d}".ljust(ITEM_BYTES, "x") for n in range(count)]


def main() -> None:
    """Enqueue and print a line of JSON."""
    app, task, items = importlib.import_module(sys.argv[1]), sys.argv[2], items_for(sys.argv[2], int(sys.argv[3]))
    if hasattr(app, "prepare"):
        app.prepare()
    started = time.perf_counter()
    app.enqueue(task, items)
    sys.stdout.write(json.dumps({"items": len(items), "seconds": time.perf_counter() - started}) + "\n")


if __name__ == "__main__":
    main()
