"""Celery: no results. For recovery: late acknowledgements, a short visibility timeout, a scan for it every second."""

from __future__ import annotations

import work
from celery import Celery

FAST_PREFETCH = 64
app = Celery("bench", broker=work.URL)
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = FAST_PREFETCH
app.conf.worker_hijack_root_logger = False
if work.RECOVERY:
    app.conf.worker_prefetch_multiplier = 1
    app.conf.task_acks_late = True
    app.conf.task_reject_on_worker_lost = True
    app.conf.broker_transport_options = {
        "visibility_timeout": work.LEASE_SECONDS,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }
noop = app.task(name="noop")(work.noop)
timed = app.task(name="timed")(work.timed)


def enqueue(task: str, items: list[str]) -> None:
    """One call an item over one kept connection: there is no bulk call."""
    function = noop if task == "noop" else timed
    with app.producer_pool.acquire(block=True) as producer:
        for item in items:
            function.apply_async((item,), producer=producer)
