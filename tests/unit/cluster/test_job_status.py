"""What control reads out of a Job and its pending pods."""

from __future__ import annotations

from types import SimpleNamespace as Object

import pytest

from kubejobs.cluster.job_status import JobStatus, job_status, unschedulable, waiting_reason


def a_job(*, conditions=(), annotations=None, parallelism=4, **counts):
    names = ("active", "ready", "terminating", "succeeded", "failed")
    status = Object(conditions=list(conditions), **{name: counts.get(name) for name in names})
    metadata = Object(annotations=annotations, resource_version="7")
    return Object(status=status, spec=Object(parallelism=parallelism), metadata=metadata)


def condition(kind, status="True", reason=None, message=None):
    return Object(type=kind, status=status, reason=reason, message=message)


def pending_pod(conditions=(), waiting=None):
    containers = [Object(state=Object(waiting=waiting))] if waiting else None
    return Object(status=Object(conditions=list(conditions), container_statuses=containers))


def test_absent_counts_are_zero():
    """Kubernetes leaves out what is zero."""
    status = job_status(a_job())
    assert (status.active, status.ready, status.succeeded, status.failed) == (0, 0, 0, 0)
    assert status.resource_version == "7"
    assert not status.finished


@pytest.mark.parametrize(
    ("conditions", "complete", "failure"),
    [
        ([], False, None),
        ([condition("Complete")], True, None),
        ([condition("Complete", status="False")], False, None),
        ([condition("FailureTarget", reason="X", message="m")], False, None),
        (
            [condition("Failed", reason="BackoffLimitExceeded", message="too many")],
            False,
            "BackoffLimitExceeded: too many",
        ),
    ],
    ids=["none", "complete", "complete-false", "failing", "failed"],
)
def test_only_a_true_final_condition_ends_a_job(conditions, complete, failure):
    """A condition counts when its status is "True", and only the final ones end the Job."""
    status = job_status(a_job(conditions=conditions))
    assert status.complete is complete
    assert status.failure == failure
    assert status.finished is (complete or failure is not None)


def test_pending_are_active_pods_that_are_not_ready():
    """Pods without a readiness probe are ready once they run."""
    assert job_status(a_job(active=5, ready=3)).pending == 2
    assert job_status(a_job(active=1, ready=2)).pending == 0


def test_the_outcome_that_control_wrote_is_read():
    """The annotation is how the task `job` learns that the run is over."""
    assert job_status(a_job(annotations={"kubejobs.io/outcome": "failed"})).outcome == "failed"


def test_pods_without_room_are_counted_with_the_clusters_reason():
    """A full cluster is told from slow images."""
    no_room = pending_pod([condition("PodScheduled", "False", "Unschedulable", "0/3 nodes: too little cpu")])
    pulling = pending_pod(waiting=Object(reason="ContainerCreating", message=None))
    status = unschedulable(JobStatus(parallelism=3, active=3), [pulling, no_room, no_room])
    assert status.unschedulable == 2
    assert status.pending_reason == "Unschedulable: 0/3 nodes: too little cpu"


def test_an_image_that_can_not_be_pulled_is_named():
    """The reason that the kubelet gives is passed on in its words."""
    pod = pending_pod(waiting=Object(reason="ErrImagePull", message="not found"))
    assert waiting_reason(pod) == "ErrImagePull: not found"


def test_a_pod_that_starts_normally_waits_for_nothing():
    """Creating a container is no reason to worry."""
    assert waiting_reason(pending_pod(waiting=Object(reason="ContainerCreating", message=None))) is None


POLICY = "Container worker for pod batch/kj-1-x failed with exit code {} matching FailJob rule at index 1"


@pytest.mark.parametrize(
    ("reason", "message", "meaning"),
    [
        pytest.param("PodFailurePolicy", POLICY.format(127), "the command does not exist", id="no such command"),
        pytest.param("PodFailurePolicy", POLICY.format(2), "the runner's options or the environment", id="options"),
        pytest.param("PodFailurePolicy", POLICY.format(4), "the queue refused the worker", id="queue"),
        pytest.param("PodFailurePolicy", POLICY.format(42), None, id="a code of somebody else's rule"),
        pytest.param("BackoffLimitExceeded", "failed with exit code 127 matching", None, id="another reason"),
        pytest.param("PodFailurePolicy", None, None, id="no message"),
    ],
)
def test_a_job_that_the_runner_failed_says_what_was_wrong(reason, message, meaning):
    """Kubernetes tells the exit code; what it means stands beside it."""
    failure = job_status(a_job(conditions=[condition("Failed", reason=reason, message=message)])).failure
    said = f"{reason}: {message}"
    if meaning is None:
        assert failure == said
    else:
        assert failure.startswith(f"{said} ({meaning}")
        assert failure.endswith("; the pod's log says more)")
