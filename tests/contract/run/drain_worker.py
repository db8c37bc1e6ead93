"""A worker of the client library that notes each start of an item in the queue's server, then takes its time."""

import time

from kubejobs.worker import connect
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue.connection import open_client

STARTS = "test:starts"

notes = open_client(WorkerSettings.from_environment().address)
with connect() as queue:
    for item in queue.items():
        notes.rpush(STARTS, item.value)
        time.sleep(float(item.value.partition(" ")[2]))
        item.result({"attempt": item.attempt})
