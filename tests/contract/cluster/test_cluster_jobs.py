"""Jobs: how many pods run, which go first, and how a Job ends."""

from __future__ import annotations

import time
from typing import Any

import pytest

from contract.cluster.harness import IMAGE, Kube, container, pod_spec, races

READY_WHEN_FILE = {"exec": {"command": ["sh", "-c", "test -e /state/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
WAIT_FOR_SIGNAL = "trap 'exit 0' TERM; while :; do sleep 0.1; done"


def names(pods: list[Any]) -> set[str]:
    """Names of pods."""
    return {pod.metadata.name for pod in pods}


@races
def test_a_job_without_completions_runs_parallelism_pods(kube: Kube) -> None:
    """As many pods run as parallelism says, and the status counts them."""
    kube.create_job("job", "sleep 60", parallelism=3)
    pods = kube.running("job", 3)
    assert all(pod.metadata.labels["batch.kubernetes.io/job-name"] == "job" for pod in pods)
    assert all(pod.metadata.owner_references[0].kind == "Job" for pod in pods)

    def counted() -> bool:
        status = kube.job("job").status
        return (status.active, status.ready, status.start_time is not None) == (3, 3, True)

    kube.eventually("active and ready are 3", counted)


@races
def test_raising_parallelism_adds_pods(kube: Kube) -> None:
    """A higher parallelism starts pods and leaves those that run."""
    kube.create_job("job", "sleep 60", parallelism=1)
    first = names(kube.running("job", 1))
    kube.patch_job("job", parallelism=3)
    assert first < names(kube.running("job", 3))


def test_a_shrink_takes_the_youngest_and_counts_nothing_as_failed(kube: Kube) -> None:
    """Of equally ready pods the one that became ready last goes, and is not a failure."""
    kube.create_job("job", "sleep 60", parallelism=1, backoffLimit=0)
    first = names(kube.running("job", 1))
    time.sleep(1.1)  # readiness is told in whole seconds
    kube.patch_job("job", parallelism=2)
    kube.running("job", 2)
    kube.patch_job("job", parallelism=1)
    assert names(kube.running("job", 1)) == first
    kube.eventually("the other pod is gone", lambda: len(kube.pods()) == 1)
    kube.settles("nothing failed", lambda: not kube.job("job").status.failed)


def test_a_shrink_takes_pods_that_are_not_ready_first(kube: Kube) -> None:
    """A pod that turned not ready goes before a younger one that is ready."""
    # Only the first pod finds no directory, and gives up its readiness; the second takes the directory away.
    lose = "mkdir /shared/$RUN 2>/dev/null && { sleep 2; rm /state/ready; sleep 60; }"
    script = f"touch /state/ready; {lose}; rmdir /shared/$RUN; sleep 60"
    mounts = [{"name": "state", "mountPath": "/state"}, {"name": "shared", "mountPath": "/shared"}]
    variables = [{"name": "RUN", "value": f"{kube.ns}-ready"}]
    pod = pod_spec(script, env=variables, volumeMounts=mounts, readinessProbe=READY_WHEN_FILE)
    volumes = [{"name": "state", "emptyDir": {}}, {"name": "shared", "hostPath": {"path": "/tmp"}}]
    kube.create_job("job", "", pod=pod | {"volumes": volumes}, parallelism=1)
    kube.eventually("the first pod was ready", lambda: kube.job("job").status.ready == 1)
    first = names(kube.job_pods("job"))
    kube.eventually("the first pod is not ready any more", lambda: not kube.job("job").status.ready)
    kube.patch_job("job", parallelism=2)
    kube.eventually("the second pod is ready", lambda: kube.job("job").status.ready == 1)
    kube.settles("and it stays the only one", lambda: kube.job("job").status.ready == 1)
    kube.patch_job("job", parallelism=1)
    kube.eventually("one pod is left", lambda: len(kube.pods()) == 1)
    assert not first & names(kube.pods())


@races
def test_parallelism_zero_removes_all_pods(kube: Kube) -> None:
    """With parallelism 0 no pod runs and the Job goes on."""
    kube.create_job("job", "sleep 60", parallelism=2)
    kube.running("job", 2)
    kube.patch_job("job", parallelism=0)
    kube.eventually("no pod is left", lambda: not kube.pods())
    assert not kube.job("job").status.conditions


@races
def test_after_the_first_success_no_pod_is_started(kube: Kube) -> None:
    """Without completions, once a pod has exited 0 growth does nothing, and the Job completes with its last pod."""
    script = "mkdir /tmp/$RUN 2>/dev/null && exit 0; sleep 4; rmdir /tmp/$RUN"
    volume = [{"name": "shared", "hostPath": {"path": "/tmp"}}]
    spec = pod_spec(
        script, env=[{"name": "RUN", "value": kube.ns}], volumeMounts=[{"name": "shared", "mountPath": "/tmp"}]
    )
    kube.create_job("job", "", pod=spec | {"volumes": volume}, parallelism=2)
    kube.eventually("one pod has succeeded", lambda: kube.job("job").status.succeeded == 1)
    kube.patch_job("job", parallelism=4)
    kube.settles("no third pod", lambda: len(kube.pods("job-name=job")) == 2)
    kube.eventually("the Job is complete", lambda: kube.job_condition("job", "Complete"))
    status = kube.job("job").status
    assert (status.succeeded, status.failed, status.active) == (2, None, None)
    assert status.completion_time is not None


@races
def test_a_job_with_completions_runs_that_many(kube: Kube) -> None:
    """With completions set, so many pods succeed, never more at a time than parallelism."""
    kube.create_job("job", "true", completions=3, parallelism=2)
    kube.eventually("complete", lambda: kube.job_condition("job", "Complete"))
    assert kube.job("job").status.succeeded == 3
    kinds = [one.type for one in kube.job("job").status.conditions]
    assert kinds == ["SuccessCriteriaMet", "Complete"]


def test_too_many_failures_fail_the_job(kube: Kube) -> None:
    """More failed pods than backoffLimit: the Job fails and what still runs is removed."""
    kube.create_job("job", "exit 3", backoffLimit=0)
    failed = kube.eventually("failed", lambda: kube.job_condition("job", "Failed"))
    assert failed.reason == "BackoffLimitExceeded"
    assert kube.job("job").status.failed == 1
    assert [one.type for one in kube.job("job").status.conditions] == ["FailureTarget", "Failed"]


@races
def test_a_failed_pod_is_replaced_after_a_pause(kube: Kube) -> None:
    """Within backoffLimit a failed pod is replaced, and stays to be looked at."""
    kube.create_job("job", "exit 3", backoffLimit=1)
    failed = kube.eventually("failed", lambda: kube.job_condition("job", "Failed"), 60)
    assert failed.reason == "BackoffLimitExceeded"
    assert kube.job("job").status.failed == 2
    assert [pod.status.phase for pod in kube.pods()] == ["Failed", "Failed"]


def test_a_deadline_ends_a_job(kube: Kube) -> None:
    """ActiveDeadlineSeconds ends pods and fails the Job."""
    kube.create_job("job", "sleep 60", activeDeadlineSeconds=2)
    failed = kube.eventually("failed", lambda: kube.job_condition("job", "Failed"))
    assert failed.reason == "DeadlineExceeded"
    kube.eventually("no pod runs", lambda: not [pod for pod in kube.pods() if pod.status.phase == "Running"])


@races
def test_a_suspended_job_has_no_pods_until_it_is_resumed(kube: Kube) -> None:
    """Suspend removes the pods without failures; resuming starts them again."""
    kube.create_job("job", "sleep 60")
    kube.running("job", 1)
    kube.patch_job("job", suspend=True)
    kube.eventually("no pod", lambda: not kube.pods())
    kube.eventually("suspended", lambda: kube.job_condition("job", "Suspended"))
    kube.patch_job("job", suspend=False)
    kube.running("job", 1)
    assert not kube.job("job").status.failed
    assert kube.job("job").status.start_time is not None
    assert not kube.job_condition("job", "Suspended")


def test_a_finished_job_goes_after_its_time(kube: Kube) -> None:
    """TtlSecondsAfterFinished removes a finished Job and its pods."""
    kube.create_job("job", "true", ttlSecondsAfterFinished=1)
    kube.eventually("the Job is gone", lambda: not kube.batch.list_namespaced_job(kube.ns).items)
    kube.eventually("its pods too", lambda: not kube.pods())


def test_a_failure_policy_can_fail_a_job_at_once(kube: Kube) -> None:
    """A rule on an exit code fails the Job whatever its backoffLimit."""
    rule = {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [42]}}
    kube.create_job("job", "exit 42", backoffLimit=5, podFailurePolicy={"rules": [rule]})
    failed = kube.eventually("failed", lambda: kube.job_condition("job", "Failed"))
    assert failed.reason == "PodFailurePolicy"
    assert "exit code 42 matching FailJob rule at index 0" in failed.message


@pytest.mark.parametrize(
    ("name", "codes"),
    [pytest.param("main", [2, 4, 127], id="another code"), pytest.param("other", [3], id="another container")],
)
def test_other_failures_are_retried(kube: Kube, name: str, codes: list[int]) -> None:
    """A rule that does not match leaves the failure to backoffLimit."""
    policy = {
        "rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
            {"action": "FailJob", "onExitCodes": {"containerName": name, "operator": "In", "values": codes}},
        ]
    }
    spec = {"containers": [container("exit 3"), container("true", "other")]}
    kube.create_job("job", "", pod=spec, backoffLimit=1, podFailurePolicy=policy)
    failed = kube.eventually("failed", lambda: kube.job_condition("job", "Failed"), 60)
    assert failed.reason == "BackoffLimitExceeded"
    assert kube.job("job").status.failed == 2


def test_a_rule_that_matches_later_still_fails_the_job(kube: Kube) -> None:
    """Rules are looked at in their order, and the first that matches decides."""
    policy = {
        "rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
            {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [2, 4, 127]}},
        ]
    }
    kube.create_job("job", "no-such-program", parallelism=2, backoffLimit=5, podFailurePolicy=policy)
    failed = kube.eventually("failed", lambda: kube.job_condition("job", "Failed"))
    assert failed.reason == "PodFailurePolicy"
    assert "Container main for pod" in failed.message
    assert "failed with exit code 127 matching FailJob rule at index 1" in failed.message


@races
def test_disruptions_can_be_ignored(kube: Kube) -> None:
    """A pod that was disrupted is replaced and does not count, if the policy says so."""
    policy = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}
    kube.create_job("job", "sleep 60", backoffLimit=0, podFailurePolicy=policy)
    (pod,) = kube.running("job", 1)
    kube.evict(pod.metadata.name)
    kube.eventually("another pod runs", lambda: names(kube.job_pods("job")) - {pod.metadata.name}, 60)
    kube.running("job", 1)
    assert not kube.job("job").status.failed
    assert not kube.job("job").status.conditions


@races
def test_a_deleted_pod_is_replaced_and_counts(kube: Kube) -> None:
    """A pod that somebody deletes is replaced, and counts as failed."""
    kube.create_job("job", "sleep 60")
    (pod,) = kube.running("job", 1)
    kube.core.delete_namespaced_pod(pod.metadata.name, kube.ns)
    kube.eventually("another pod", lambda: names(kube.job_pods("job")) - {pod.metadata.name}, 60)
    assert kube.job("job").status.failed == 1


def test_on_failure_restarts_the_container_in_its_pod(kube: Kube) -> None:
    """RestartPolicy OnFailure starts the container again, not another pod."""
    script = "test -e /data/again || { touch /data/again; exit 1; }"
    spec = pod_spec(script, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    kube.create_job("job", "", pod=spec | {"volumes": [{"name": "data", "emptyDir": {}}], "restartPolicy": "OnFailure"})
    kube.eventually("complete", lambda: kube.job_condition("job", "Complete"))
    (pod,) = kube.pods()
    assert pod.status.container_statuses[0].restart_count == 1
    assert kube.job("job").status.failed is None


def test_a_terminating_pod_is_counted_apart(kube: Kube) -> None:
    """While removed pods still end, status tells them as terminating and not as active."""
    pod = pod_spec("trap '' TERM; while :; do sleep 0.1; done") | {"terminationGracePeriodSeconds": 3}
    kube.create_job("job", "", pod=pod, parallelism=2)
    kube.running("job", 2)
    kube.patch_job("job", parallelism=1)

    def seen() -> bool:
        status = kube.job("job").status
        return (status.active, status.terminating) == (1, 1)

    kube.eventually("one active, one terminating", seen)
    kube.eventually("none terminating", lambda: not kube.job("job").status.terminating)


def test_events_tell_what_a_job_did(kube: Kube) -> None:
    """A Job's events name the pods that it created and removed."""
    kube.create_job("job", "sleep 60")
    (pod,) = kube.running("job", 1)
    kube.patch_job("job", parallelism=0)

    def reasons() -> bool:
        events = kube.core.list_namespaced_event(kube.ns, field_selector="involvedObject.kind=Job").items
        return {"SuccessfulCreate", "SuccessfulDelete"} <= {e.reason for e in events if pod.metadata.name in e.message}

    kube.eventually("SuccessfulCreate and SuccessfulDelete", reasons)


@races
@pytest.mark.parametrize("policy", ["Foreground", "Background"])
def test_deleting_a_running_job_ends_its_pods(kube: Kube, policy: str) -> None:
    """With a propagation policy nothing of a Job is left, and a Job of the same name can be made again."""
    kube.create_job("job", WAIT_FOR_SIGNAL, parallelism=2)
    kube.running("job", 2)
    kube.batch.delete_namespaced_job("job", kube.ns, propagation_policy=policy)
    kube.eventually("no pod and no Job", lambda: not kube.pods() and not kube.batch.list_namespaced_job(kube.ns).items)
    assert kube.create_job("job", "true").spec.template.spec.containers[0].image == IMAGE
