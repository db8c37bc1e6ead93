"""What runs in a worker pod: the client library and the runner for plain commands.

Rule: imports the standard library, redis and kubejobs.workqueue only.

    from kubejobs.worker import connect

    with connect() as queue:
        for item in queue.items():
            work_on(item.value)

An item is done when the loop asks for the next one; an exception in the loop's body gives it back for a retry.
"""

from kubejobs.worker.item import Item
from kubejobs.worker.session import WorkerQueue, connect
from kubejobs.worker.settings import WorkerSettings

__all__ = ["Item", "WorkerQueue", "WorkerSettings", "connect"]
