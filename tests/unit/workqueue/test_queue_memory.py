"""How much of a real server's memory an item takes at worst."""

import json

import pytest
import redis

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, RetryDelays
from support.valkey import running_valkey

ITEMS = 20_000
MOST_BYTES = 400
ERROR = json.dumps({"type": "ValueError", "message": "m" * 500, "traceback": "t" * 1400})


def used_memory(raw: redis.Redis) -> int:
    """What the server has allocated, in bytes."""
    return int(raw.info("memory")["used_memory"])


@pytest.mark.parametrize("kind", ["queued", "leased", "delayed", "dead"])
def test_an_item_takes_little_memory_whatever_happens(kind: str) -> None:
    """Also where every single item fails with an error of 2 KB, each takes less than 400 bytes, all included."""
    with running_valkey() as server, server.client() as raw:
        queue = WorkQueue(server.address())
        raw.ping()
        before = used_memory(raw)
        queue.fill(f"s3://bucket/{number:08}" for number in range(ITEMS))
        workers = [
            LeaseClient(
                server.address(), f"pod-{n}", max_attempts=1 if kind == "dead" else 3, delays=RetryDelays(1000, 1000)
            )
            for n in range(ITEMS // 1000)
        ]
        for worker in workers if kind != "queued" else []:
            worker.turn(take=1000)
            if kind in {"delayed", "dead"}:
                worker.turn([Outcome(place, Ending.RETRY, ERROR) for place in range(1, 1001)], take=0)
            worker.close()
        assert getattr(queue.snapshot().counts, kind) == ITEMS
        assert (used_memory(raw) - before) / ITEMS < MOST_BYTES
        queue.close()
