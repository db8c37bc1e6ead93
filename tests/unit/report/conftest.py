"""The queue server of this folder's tests."""

from support.queue_fixtures import address, keys, queue, raw, valkey

__all__ = ["address", "keys", "queue", "raw", "valkey"]
