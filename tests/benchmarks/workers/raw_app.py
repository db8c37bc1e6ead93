"""The least that a queue with leases can be: one Lua script acknowledges the last lease and takes the next.

It has a list and a deadline per lease, so that the items of a silent worker could be found, and nothing else: no
ledger, no retries, no numbering against lost replies. It is what the library's own cost is compared with.
Run as a program: `raw_app.py BATCH` is the worker.
"""

from __future__ import annotations

import sys
import time

import redis
import work

QUEUE, LEASES = "raw", "raw:leases"
LEASE_MS = 60_000
VALUES_PER_RPUSH = 1000
RPUSHES_PER_ROUND_TRIP = 8
TURN = """
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[2], KEYS[3])
local items = redis.call('LPOP', KEYS[1], ARGV[1])
if items then
  redis.call('RPUSH', KEYS[4], unpack(items))
  redis.call('ZADD', KEYS[2], ARGV[2], KEYS[4])
end
return items
"""


def enqueue(task: str, items: list[str]) -> None:
    """A pipeline of 1000 values per RPUSH."""
    client = redis.Redis.from_url(work.URL)
    per_trip = VALUES_PER_RPUSH * RPUSHES_PER_ROUND_TRIP
    for start in range(0, len(items), per_trip):
        pipeline = client.pipeline(transaction=False)
        for first in range(start, min(start + per_trip, len(items)), VALUES_PER_RPUSH):
            pipeline.rpush(QUEUE, *items[first : first + VALUES_PER_RPUSH])
        pipeline.execute()
    client.close()


def main() -> None:
    """Be the worker until the queue is empty."""
    batch = int(sys.argv[1])
    client = redis.Redis.from_url(work.URL)
    sha = client.script_load(TURN)
    number, lease = 0, "raw:lease:0"
    while True:
        number, previous = number + 1, lease
        lease = f"raw:lease:{number}"
        deadline = int(time.time() * 1000) + LEASE_MS
        items = client.evalsha(sha, 4, QUEUE, LEASES, previous, lease, batch, deadline)
        if not items:
            return
        for item in items:
            work.noop(item)


if __name__ == "__main__":
    main()
