"""What runs in a worker pod: the client library and the runner for plain commands.

Rule: imports the standard library and, of kubejobs.workqueue, what does so too: a worker's image needs nothing else.

    from kubejobs.worker import connect

    with connect() as queue:
        for item in queue.items():
            work_on(item.value)

An item is done when the loop asks for the next one; an exception in the loop's body gives it back for a retry.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubejobs.worker.item import Item
    from kubejobs.worker.ports import Heartbeat, Leases
    from kubejobs.worker.session import WorkerQueue, connect
    from kubejobs.worker.settings import WorkerSettings

__all__ = ["Heartbeat", "Item", "Leases", "WorkerQueue", "WorkerSettings", "connect"]

_MODULES = {
    "Heartbeat": "ports",
    "Item": "item",
    "Leases": "ports",
    "WorkerQueue": "session",
    "WorkerSettings": "settings",
    "connect": "session",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: the helper process, which is part of this package, runs without the client library.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
