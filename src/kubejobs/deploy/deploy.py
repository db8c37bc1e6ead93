"""Deploy one run: read the workload, provide the queue, fill it, write the plan and start the run's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kubejobs.control.plan import Plan
from kubejobs.deploy.queue_server import Target, provide_queue, wait_until_ready
from kubejobs.deploy.spool import spooled
from kubejobs.settings import Settings
from kubejobs.submission.model import Submission
from kubejobs.submission.workload_priorities import Entry
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress


@dataclass(frozen=True, slots=True)
class Order:
    """What deploy is asked for; `submitted_at` in seconds since the epoch."""

    target: Target
    submission: Submission
    submitted_at: float
    shared_queue: QueueAddress | None = None


def deploy(order: Order, items: Iterable[Entry], settings: Settings, log: Callable[[str], None]) -> Plan:
    """Bring the run to the point where workers can start; its plan.

    Raises WorkloadError before anything is made, ClusterError or QueueError after; trying again goes on.
    """
    with spooled(items) as workload:
        log(f"the workload holds {workload.count} items")
        address = provide_queue(order.target, order.submission, settings, order.shared_queue)
        with WorkQueue(address) as queue:
            wait_until_ready(queue, order.target, address, settings.queue_ready_seconds, log)
            log(f"the queue answers at {address.host}:{address.port}")
            return _fill(order, workload, queue, log)


def _fill(order: Order, workload: Iterable[Entry], queue: WorkQueue, log: Callable[[str], None]) -> Plan:
    written = queue.read_plan()
    if written is not None:
        log("an earlier try has filled the queue")
        return Plan.from_json(written)
    submission = order.submission
    # Workers that can't be drained may know the one list of the open contract only: all priorities are put into it.
    total = queue.fill(workload, close=not submission.workload.open, merge_priorities=not submission.drain)
    plan = Plan(
        identity=order.target.run,
        submission=submission,
        namespace=order.target.namespace,
        total=total,
        submitted_at=order.submitted_at,
        started_at=queue.start_clock(),
    )
    queue.write_plan(plan.to_json())
    more = " so far, and more will be appended" if submission.workload.open else ""
    log(f"{total} items are queued{more}; expected to be done in {submission.expected_time:g} s")
    return plan
