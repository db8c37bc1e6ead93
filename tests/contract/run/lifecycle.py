"""A whole run without Airflow, step by step: deploy and the Job, the real control loop, cleanup."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes_asyncio import client, config

from contract.run.conftest import WORKER_IMAGE, Run
from kubejobs.cleanup.run import clean_up
from kubejobs.clock import SystemClock
from kubejobs.cluster.aio import AsyncRunCluster
from kubejobs.cluster.client import read_queue_address
from kubejobs.cluster.manifests import owned_by, worker_job
from kubejobs.control.loop import run_control
from kubejobs.control.outcome import Outcome
from kubejobs.control.plan import Plan
from kubejobs.control.timing import ControlTimings
from kubejobs.deploy.deploy import Order, deploy
from kubejobs.submission.model import Submission
from kubejobs.workqueue.aio import AsyncWorkQueue

WAIT_SECONDS = 60.0
TIMINGS = ControlTimings(end_pause_seconds=0.2)


def deployed(run: Run, items: list[str], **fields: Any) -> Plan:
    """The plan of a run whose queue is filled and whose Job is made."""
    submission: Submission = run.submission(**fields)
    plan = deploy(Order(run.target, submission, submitted_at=0.0), items, run.settings, lambda _: None)
    address = read_queue_address(run.target.cluster, run.target.run, run.kube.ns)
    anchor = run.target.cluster.find("ConfigMap", run.target.run.anchor_name, run.kube.ns)
    assert address is not None
    assert anchor is not None
    job = worker_job(run.target.run, run.kube.ns, submission, address)
    run.target.cluster.create_or_adopt(owned_by(job, anchor.metadata.uid, run.target.run))
    return plan


def on_cluster(run: Run, work: Callable[[AsyncRunCluster], Any]) -> Any:
    """What `work` makes of the asynchronous side of the run's cluster."""

    async def main() -> Any:
        configuration = client.Configuration()
        await config.load_kube_config(str(run.kube.backend.kubeconfig), client_configuration=configuration)
        async with client.ApiClient(configuration) as opened:
            return await work(AsyncRunCluster(opened, run.target.run, run.kube.ns))

    return asyncio.run(main())


def controlled(run: Run, plan: Plan, *, delete_job: bool = False) -> Outcome:
    """How the real control loop ends the run; `delete_job` deletes the Job once the loop has seen it."""

    async def work(cluster: AsyncRunCluster) -> Outcome:
        async def on_progress(_: dict[str, Any]) -> None:
            if delete_job:
                await cluster.delete_job()

        options = plan.submission.queue
        async with AsyncWorkQueue(
            await cluster.queue_address(), lease_seconds=options.lease_seconds, max_attempts=options.max_attempts
        ) as queue:
            return await run_control(
                plan,
                clock=SystemClock(),
                queue=queue,
                cluster=cluster,
                owner="test",
                timings=TIMINGS,
                on_progress=on_progress,
            )

    outcome: Outcome = on_cluster(run, work)
    return outcome


def cleaned(run: Run) -> list[str]:
    """What is left of the run after its cleanup."""
    clean_up(run.target.cluster, run.target.run, run.kube.ns, WAIT_SECONDS, lambda _: None)
    return run.objects()


def needs_workers(run: Run) -> None:
    """Skip where no image holds the worker's library."""
    if run.kube.backend.genuine and not WORKER_IMAGE:
        pytest.skip("KUBEJOBS_TEST_WORKER_IMAGE names no image with the package kubejobs")
