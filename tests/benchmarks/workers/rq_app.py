"""rq: without forking, results not kept. For recovery: the forking worker, which alone has heartbeats, with retries.

Run as a program it is the worker; rq's own command line has no option for its time to live.
"""

from __future__ import annotations

import logging

import redis
import work
from rq import Queue, Retry, SimpleWorker, Worker

IN_PIPELINE = 1000
_connection = redis.Redis.from_url(work.URL)
queue = Queue("bench", connection=_connection)


def enqueue(task: str, items: list[str]) -> None:
    """The bulk call, in pipelines of 1000."""
    function = work.noop if task == "noop" else work.timed
    retry = Retry(max=10) if work.RECOVERY else None
    for start in range(0, len(items), IN_PIPELINE):
        queue.enqueue_many(
            [
                Queue.prepare_data(function, (item,), result_ttl=0, retry=retry)
                for item in items[start : start + IN_PIPELINE]
            ]
        )


def main() -> None:
    """Be the worker."""
    if work.RECOVERY:
        options = {"job_monitoring_interval": 1, "maintenance_interval": 1, "worker_ttl": 16}
        worker = Worker([queue], connection=_connection, log_job_description=False, **options)
    else:
        worker = SimpleWorker([queue], connection=_connection, log_job_description=False)
    worker.log_result_lifespan = False
    worker.work(logging_level=logging.WARNING)


if __name__ == "__main__":
    main()
