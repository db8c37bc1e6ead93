"""This project's queue through its client library; its settings come from the environment, as in a pod.

Run as a program: `kubejobs_app.py TASK` is the worker.
"""

from __future__ import annotations

import importlib
import sys

import work

from kubejobs.worker import WorkerSettings, connect


def prepare() -> None:
    """Import what a fill needs and a worker does not have."""
    importlib.import_module("kubejobs.workqueue.client")


def enqueue(task: str, items: list[str]) -> None:
    """A fill, as deploy makes it."""
    from kubejobs.workqueue.client import WorkQueue  # noqa: PLC0415 - see prepare

    with WorkQueue(WorkerSettings.from_environment().address) as queue:
        queue.fill(items)


def main() -> None:
    """Be the worker until the queue is worked off."""
    function = work.noop if sys.argv[1] == "noop" else work.timed
    with connect() as queue:
        for item in queue.items():
            function(item.value)


if __name__ == "__main__":
    main()
