"""A whole run without Airflow: deploy, the Job, the real control loop, cleanup."""

from __future__ import annotations

import pytest

from contract.run.conftest import RUNNER, Run
from contract.run.lifecycle import cleaned, controlled, deployed, needs_workers, on_cluster
from kubejobs.cluster.aio import AsyncRunCluster
from kubejobs.cluster.client import read_queue_address
from kubejobs.cluster.job_status import SUCCEEDED
from kubejobs.control.outcome import OutcomeKind
from kubejobs.errors import ObjectConflictError, ObjectGoneError
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Signal

SLEEPER = ["sh", "-c", "sleep 600"]


def test_a_run_is_worked_off_scaled_and_cleaned_up(run: Run) -> None:
    """Every item done once by the ledger, more workers than at the start, and 0 objects in the end."""
    needs_workers(run)
    items = [f"0.1{number}" for number in range(30)]  # seconds that `sleep` takes
    plan = deployed(
        run,
        items,
        command=[*RUNNER, "--", "sleep", "{item}"],
        expected_time=1,
        termination_grace_period=5,
        scaling={"max_replicas": 3, "check_interval": 0.3},
    )
    outcome = controlled(run, plan)
    assert (outcome.kind, outcome.success) == (OutcomeKind.DRAINED, True)
    address = read_queue_address(run.target.cluster, run.target.run, run.kube.ns)
    assert address is not None
    with WorkQueue(address) as queue:
        snapshot = queue.snapshot()
        journal = list(queue.iter_journal())
    assert (snapshot.counts.done, snapshot.counts.total) == (30, 30)
    assert max(line["replicas"]["desired"] for line in journal if line.get("replicas")) > 1
    assert cleaned(run) == []


def test_a_job_whose_workers_only_fail_ends_the_run(run: Run) -> None:
    """Control says so with Kubernetes' reason; the items are still queued; nothing is left."""
    plan = deployed(run, ["a", "b"], command=["sh", "-c", "exit 3"], backoff_limit=0, scaling={"check_interval": 0.3})
    outcome = controlled(run, plan)
    assert (outcome.kind, outcome.success) == (OutcomeKind.JOB_FAILED, False)
    assert "BackoffLimitExceeded" in outcome.message
    assert cleaned(run) == []


def test_a_job_that_is_deleted_from_outside_ends_the_run(run: Run) -> None:
    """Somebody's `kubectl delete job` is seen and said."""
    plan = deployed(run, ["a"], command=SLEEPER, termination_grace_period=0, scaling={"check_interval": 0.3})
    assert controlled(run, plan, delete_job=True).kind is OutcomeKind.JOB_DELETED
    assert cleaned(run) == []


def test_a_run_is_terminated_by_its_signal(run: Run) -> None:
    """The control key is enough: workers that never end are removed."""
    plan = deployed(run, ["a"], command=SLEEPER, termination_grace_period=0, scaling={"check_interval": 0.3})
    address = read_queue_address(run.target.cluster, run.target.run, run.kube.ns)
    assert address is not None
    with WorkQueue(address) as queue:
        queue.signal_run(Signal.TERMINATE)
    assert controlled(run, plan).kind is OutcomeKind.TERMINATED
    assert cleaned(run) == []


def test_parallelism_is_changed_at_the_seen_version_only(run: Run) -> None:
    """A change that was decided on an older Job is refused; an outcome is announced on the Job."""
    deployed(run, ["a"], command=SLEEPER, termination_grace_period=0)

    async def work(cluster: AsyncRunCluster) -> None:
        seen = await cluster.read_job()
        assert (seen.parallelism, seen.finished, seen.outcome) == (1, False, None)
        await cluster.announce(SUCCEEDED)
        await cluster.wait_until_changed(seen.resource_version)
        with pytest.raises(ObjectConflictError):
            await cluster.set_parallelism(3, seen.resource_version)
        await cluster.set_parallelism(2, "")
        changed = await cluster.read_job()
        assert (changed.parallelism, changed.outcome) == (2, SUCCEEDED)

    on_cluster(run, work)
    assert cleaned(run) == []


def test_a_job_that_is_gone_is_told_apart(run: Run) -> None:
    """Reading and changing say ObjectGone; ending and announcing have nothing to do."""

    async def work(cluster: AsyncRunCluster) -> None:
        for call in (cluster.read_job(), cluster.set_parallelism(1, ""), cluster.queue_address()):
            with pytest.raises(ObjectGoneError):
                await call
        await cluster.delete_job()
        await cluster.announce(SUCCEEDED)

    on_cluster(run, work)
