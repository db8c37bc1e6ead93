"""Late arrivals: the items are appended to a run that was filled with none."""

from __future__ import annotations

from kubejobs.worker import WorkerSettings
from kubejobs.workqueue.client import WorkQueue


def enqueue(task: str, items: list[str]) -> None:
    """One call of append."""
    with WorkQueue(WorkerSettings.from_environment().address) as queue:
        queue.fill((), close=False)
        queue.append(items)
