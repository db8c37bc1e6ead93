"""A worker's pod: what its container is told, when it counts as ready, and the runner for plain programs."""

from __future__ import annotations

from typing import Any

import pytest

from kubejobs.cluster import manifests
from kubejobs.cluster.worker_manifest import failure_rules, runner_options, worker_environment, worker_pod_spec
from kubejobs.naming import RunIdentity
from kubejobs.settings import Settings
from kubejobs.submission.model import Runner, Submission
from kubejobs.workqueue.types import QueueAddress

RUN = RunIdentity("kubejobs", "manual__2026-01-01T00:00:00+00:00")
ADDRESS = QueueAddress(host="10.0.0.7", password="s3cret")


def submission(**fields: Any) -> Submission:
    """A submission of one item."""
    return Submission.model_validate(
        {"image": "i", "command": ["work"], "workload": {"items": ["a"]}, "expected_time": 60, **fields}
    )


def pod_of(**fields: Any) -> dict[str, Any]:
    """The pod of a submission."""
    return worker_pod_spec(RUN, submission(**fields), ADDRESS, "registry.example/runner:1")


def environment(**fields: Any) -> dict[str, Any]:
    """The container's variables: values, or where they come from."""
    listed = worker_environment(RUN, submission(**fields), ADDRESS)
    assert len({entry["name"] for entry in listed}) == len(listed)
    return {entry["name"]: entry.get("value") or entry.get("valueFrom") for entry in listed}


@pytest.mark.parametrize(
    ("queue", "told"),
    [
        pytest.param({}, {"RETRY_SECONDS": "1", "RETRY_MAX_SECONDS": "60", "BATCH": "auto"}, id="defaults"),
        pytest.param(
            {"retry_seconds": 0.25, "retry_max_seconds": 86400, "batch": 1000},
            {"RETRY_SECONDS": "0.25", "RETRY_MAX_SECONDS": "86400", "BATCH": "1000"},
            id="given",
        ),
        pytest.param({"lease_seconds": 12345.678}, {"LEASE_SECONDS": "12345.678"}, id="all digits"),
    ],
)
def test_workers_are_told_how_the_queue_is_used(queue: dict[str, Any], told: dict[str, str]) -> None:
    """Delays in seconds, and how many items to take at a time."""
    found = environment(queue=queue)
    assert {name: found[f"KUBEJOBS_{name}"] for name in told} == told


def test_a_worker_knows_its_name_and_address() -> None:
    """From the pod itself, whatever the user's variables say."""
    found = environment(env={"POD_IP": "1.2.3.4", "POD_NAME": "me"})
    assert found["POD_NAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert found["POD_IP"] == {"fieldRef": {"fieldPath": "status.podIP"}}


def test_a_worker_that_can_drain_has_a_readiness_probe() -> None:
    """It is seen within a second that the worker closed its port; the port is the one that the worker is told."""
    (container,) = pod_of()["containers"]
    probe = container["readinessProbe"]
    assert str(probe["tcpSocket"]["port"]) == environment()["KUBEJOBS_READY_PORT"]
    assert (probe["periodSeconds"], probe["failureThreshold"], probe["successThreshold"]) == (1, 1, 1)


def test_a_worker_that_can_not_drain_is_ready_when_it_runs() -> None:
    """Nothing would listen on the port: without a probe the pod is ready at once."""
    (container,) = pod_of(drain=False)["containers"]
    assert "readinessProbe" not in container
    assert "KUBEJOBS_READY_PORT" not in environment(drain=False)


def test_without_a_runner_the_image_does_it_all() -> None:
    """Its own command, no init container, no volume, and no exit code means anything."""
    pod = pod_of(args=["-v"])
    assert (pod["containers"][0]["command"], pod["containers"][0]["args"]) == (["work"], ["-v"])
    assert not {"initContainers", "volumes"} & pod.keys()
    assert [rule["action"] for rule in failure_rules(submission())] == ["Ignore"]


def test_a_runner_is_put_into_the_pod_and_given_the_command() -> None:
    """An init container installs it into a volume that the worker can only read; it runs command and arguments."""
    pod = pod_of(args=["{item}"], runner={"concurrency": 2}, resources={"limits": {"memory": "1Gi"}})
    (init,), (worker,), (volume,) = pod["initContainers"], pod["containers"], pod["volumes"]
    assert (init["image"], init["args"]) == ("registry.example/runner:1", ["install", "/kubejobs"])
    assert init["resources"] == worker["resources"]
    assert worker["command"] == ["/kubejobs/kubejobs-runner", "--concurrency=2", "--", "work", "{item}"]
    assert "args" not in worker
    assert volume == {"name": "kubejobs", "emptyDir": {}}
    assert init["volumeMounts"] == [{"name": "kubejobs", "mountPath": "/kubejobs"}]
    assert worker["volumeMounts"] == [{"name": "kubejobs", "mountPath": "/kubejobs", "readOnly": True}]


def test_the_runners_image_is_the_settings() -> None:
    """What the deployment names, else the setting's default."""
    job = manifests.worker_job(RUN, "ns", submission(runner={}), ADDRESS)
    assert job["spec"]["template"]["spec"]["initContainers"][0]["image"] == Settings().runner_image
    job = manifests.worker_job(RUN, "ns", submission(runner={}), ADDRESS, "mirror/runner:2")
    assert job["spec"]["template"]["spec"]["initContainers"][0]["image"] == "mirror/runner:2"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        pytest.param({}, [], id="defaults"),
        pytest.param({"mode": "lines"}, ["--lines"], id="lines"),
        pytest.param({"timeout_seconds": 1.5}, ["--timeout=1.5"], id="timeout"),
        pytest.param({"fail_codes": [3, 4]}, ["--fail-code=3", "--fail-code=4"], id="exit codes"),
        pytest.param({"keep_result": True}, ["--result"], id="result"),
        pytest.param({"on_sigterm": "pass"}, ["--on-sigterm=pass"], id="signal"),
    ],
)
def test_the_runners_options(fields: dict[str, Any], options: list[str]) -> None:
    """Each field is one option; what is not said is left to the runner's default."""
    assert runner_options(Runner.model_validate(fields)) == options


def test_a_command_that_can_not_work_fails_the_job_at_once() -> None:
    """After disruptions, which are never the command's fault; no pod is tried again for a mistyped command."""
    ignore, fail = failure_rules(submission(runner={}))
    assert ignore["action"] == "Ignore"
    assert fail == {
        "action": "FailJob",
        "onExitCodes": {"containerName": "worker", "operator": "In", "values": [2, 4, 127]},
    }
