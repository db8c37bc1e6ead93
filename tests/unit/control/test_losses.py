"""Which workers are lost, and how they ended."""

from __future__ import annotations

import pytest

from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.control.losses import MOST_NOTED, failed_idle, lost_workers, workers_may_be_lost
from kubejobs.control.ports import JobStatus
from kubejobs.workqueue.types import WorkerExit

OOM = WorkerExit("OOMKilled", "more memory than its limit", 137)
KILLED = WorkerExit("Error", "exit code 137", 137)


def pod(name: str, phase: str = "Running", end: WorkerExit | None = None, *, terminating: bool = False) -> WorkerPod:
    """A pod of the Job kj."""
    return WorkerPod(name, phase, assigned=True, ready=False, terminating=terminating, created_at=1.0, exit=end)


@pytest.mark.parametrize(
    ("pods", "reason", "blames"),
    [
        ((), "PodGone", False),
        ((pod("kj-1", "Failed", OOM),), "OOMKilled", True),
        ((pod("kj-1", "Failed", KILLED, terminating=True),), "Error", False),
        ((pod("kj-1", "Succeeded"),), "ExitedHolding", True),
    ],
    ids=["deleted", "oom", "killed-while-deleted", "exited-with-0"],
)
def test_how_a_lease_holder_ended(pods: tuple[WorkerPod, ...], reason: str, blames: bool) -> None:
    """Kubernetes' reason where it has one; items are blamed unless the pod was taken away."""
    (end,) = lost_workers(["kj-1"], pods, "kj", {}).values()
    assert (end.reason, end.blames_items) == (reason, blames)


@pytest.mark.parametrize(
    ("holder", "pods"),
    [("kj-1", (pod("kj-1"),)), ("kj-1", (pod("kj-1", terminating=True),)), ("laptop", ()), ("kjx-1", ())],
    ids=["runs", "is-ending", "no-pod", "another-job"],
)
def test_who_is_not_lost(holder: str, pods: tuple[WorkerPod, ...]) -> None:
    """A worker whose pod lives, and one that is no pod of this Job."""
    assert lost_workers([holder], pods, "kj", {}) == {}


def test_a_disruption_is_remembered_after_the_pod() -> None:
    """A pod of a lost node is gone without an end; why it was taken away was seen before."""
    taken = WorkerExit("DeletionByTaintManager", "its node was lost", blames_items=False)
    assert lost_workers(["kj-1"], (), "kj", {"kj-1": taken}) == {"kj-1": taken}


def test_failures_that_held_nothing_are_noted_once_and_are_bounded() -> None:
    """Not what was removed, nor what was noted, nor more than the bound."""
    pods = [pod("kj-1", "Failed", OOM), pod("kj-2", "Failed", KILLED, terminating=True), pod("kj-3")]
    assert failed_idle(pods, ()) == {"kj-1": OOM}
    assert failed_idle(pods, {"kj-1"}) == {}
    many = [pod(f"kj-{number}", "Failed", OOM) for number in range(300)]
    assert len(failed_idle(many, ())) == MOST_NOTED


@pytest.mark.parametrize(
    ("job", "doubtful"),
    [
        (JobStatus(3, active=3, failed=1), False),
        (JobStatus(3, active=2), True),
        (JobStatus(3, active=3, failed=2), True),
        (JobStatus(3, active=3, terminating=1), True),
        (JobStatus(3, active=1, succeeded=2), False),
        (JobStatus(3, active=1, succeeded=1), True),
        (JobStatus(2, active=2), True),
    ],
    ids=["well", "missing", "failed", "ending", "finishing", "lost-while-finishing", "fewer"],
)
def test_when_pods_are_looked_at(job: JobStatus, doubtful: bool) -> None:
    """Only when the Job's counts give a reason; one pod had failed before, and three stood."""
    assert workers_may_be_lost(job, 1, 3) is doubtful
