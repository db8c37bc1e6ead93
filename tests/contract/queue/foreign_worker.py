"""A worker as images for the original system have it: redis-py alone, the calls of the rediswq example."""

import hashlib
import os
import sys
import time
import uuid

import redis

PREFIX = sys.argv[1]
LEASE_SECONDS = int(sys.argv[2])
QUEUED, PROCESSING, ERRORS = f"{PREFIX}job", f"{PREFIX}job:processing", f"{PREFIX}job:errors"
session = str(uuid.uuid4())
db = redis.StrictRedis(
    host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]), password=os.environ["REDIS_PASSWORD"]
)


def lease_key(item: bytes) -> str:
    """The key of an item's lease."""
    return f"{PREFIX}job:leased_by_session:{hashlib.sha224(item).hexdigest()}"


def empty() -> bool:
    """Whether nothing is queued or in progress."""
    return db.llen(QUEUED) == 0 and db.llen(PROCESSING) == 0


while not empty():
    item = db.brpoplpush(QUEUED, PROCESSING, timeout=1)
    if item is None:
        continue
    if LEASE_SECONDS:
        db.setex(lease_key(item), LEASE_SECONDS, session)
    text = item.decode()
    if text.startswith("hang"):
        time.sleep(600)
    if text.startswith("bad"):
        db.rpush(ERRORS, item)
    db.lrem(PROCESSING, 0, item)
    db.delete(lease_key(item))
