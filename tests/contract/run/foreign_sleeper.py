"""A worker of the open contract: plain redis-py, a lease key that is set once, items that take their time."""

import hashlib
import os
import time

import redis

LEASE_SECONDS = 2
db = redis.StrictRedis(
    host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]), password=os.environ["REDIS_PASSWORD"]
)

while db.llen("job") or db.llen("job:processing"):
    item = db.brpoplpush("job", "job:processing", timeout=1)
    if item is None:
        continue
    lease = f"job:leased_by_session:{hashlib.sha224(item).hexdigest()}"
    db.setex(lease, LEASE_SECONDS, "foreign")
    time.sleep(float(item.decode().partition(" ")[2]))
    db.lrem("job:processing", 1, item)
    db.delete(lease)
