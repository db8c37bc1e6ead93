"""dramatiq: the default middleware. For recovery: a short heartbeat timeout, maintenance with every command."""

from __future__ import annotations

import dramatiq
import work
from dramatiq.brokers.redis import RedisBroker

EVERY_COMMAND = 1_000_000
_recovery = {"heartbeat_timeout": work.LEASE_SECONDS * 1000, "maintenance_chance": EVERY_COMMAND}
broker = RedisBroker(url=work.URL, **(_recovery if work.RECOVERY else {}))
dramatiq.set_broker(broker)
noop = dramatiq.actor(work.noop)
timed = dramatiq.actor(work.timed)


def enqueue(task: str, items: list[str]) -> None:
    """One call an item: there is no bulk call."""
    actor = noop if task == "noop" else timed
    for item in items:
        actor.send(item)
