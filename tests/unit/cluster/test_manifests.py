"""The manifests: complete, deterministic, within the restricted pod security standard, and without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubejobs.cluster import manifests
from kubejobs.cluster.worker_manifest import worker_environment, worker_pod_spec
from kubejobs.naming import RUN_LABEL, RunIdentity
from kubejobs.submission.model import Runner, Submission
from kubejobs.workqueue.types import QueueAddress

RUN = RunIdentity("kubejobs", "manual__2026-01-01T00:00:00+00:00")
ADDRESS = QueueAddress(host="10.0.0.7", port=6379, password="s3cret-password")
SUBMISSION = Submission.model_validate(
    {
        "image": "registry.example/worker:1",
        "command": ["python", "work.py"],
        "workload": {"items": ["a"]},
        "expected_time": 60,
        "scaling": {"initial_replicas": 3},
        "env": {"MODE": "fast"},
        "node_selector": {"disk": "ssd"},
        "image_pull_secrets": ["registry"],
    }
)


PLAIN = SUBMISSION.model_copy(update={"runner": Runner(), "command": ("work", "-v"), "args": ("{item}",)})


def every_manifest() -> list[manifests.Manifest]:
    return [
        manifests.anchor(RUN, "batch"),
        manifests.queue_service(RUN, "batch"),
        manifests.queue_secret(RUN, "batch", ADDRESS),
        manifests.queue_claim(RUN, "batch", SUBMISSION),
        manifests.queue_server(RUN, "batch", SUBMISSION, "valkey:9"),
        manifests.worker_job(RUN, "batch", SUBMISSION, ADDRESS),
    ]


def pod_specs() -> list[Any]:
    return [
        *(
            pytest.param(m["spec"]["template"]["spec"], id=m["kind"])
            for m in every_manifest()
            if "template" in m.get("spec", {})
        ),
        pytest.param(worker_pod_spec(RUN, PLAIN, ADDRESS, "runner:1"), id="Job with a runner"),
    ]


@pytest.mark.parametrize("manifest", every_manifest(), ids=lambda m: m["kind"])
def test_every_object_can_be_found_by_the_runs_label(manifest):
    """Each object carries the run's label, and so does each pod it makes."""
    assert manifest["metadata"]["labels"][RUN_LABEL] == RUN.name
    template = manifest.get("spec", {}).get("template")
    if template:
        assert template["metadata"]["labels"][RUN_LABEL] == RUN.name


@pytest.mark.parametrize("manifest", every_manifest(), ids=lambda m: m["kind"])
def test_the_password_is_in_the_secret_alone(manifest):
    """No other object holds the queue's password, not even in an annotation."""
    assert ("s3cret-password" in json.dumps(manifest)) == (manifest["kind"] == "Secret")


@pytest.mark.parametrize("spec", pod_specs())
def test_pods_satisfy_the_restricted_standard(spec):
    """Every pod keeps the rules of the "restricted" pod security standard."""
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert set(volume_kinds(spec)) <= {"secret", "emptyDir", "persistentVolumeClaim"}
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert not context.get("privileged")


def volume_kinds(spec: manifests.Manifest) -> list[str]:
    return [key for volume in spec.get("volumes", []) for key in volume if key != "name"]


def test_the_queue_server_has_a_read_only_root():
    """The queue server writes to its data volume alone."""
    container = manifests.queue_server(RUN, "batch", SUBMISSION, "valkey:9")["spec"]["template"]["spec"]["containers"][
        0
    ]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/etc/kubejobs", "/data"}


@pytest.mark.parametrize(
    ("password", "line"), [("s3cret", "requirepass s3cret"), (None, "protected-mode no")], ids=["password", "open"]
)
def test_the_server_asks_for_the_password_that_the_address_has(password, line):
    """A run whose workers can't give a password has a server that asks for none."""
    address = QueueAddress(host="10.0.0.7", password=password)
    config = manifests.queue_secret(RUN, "batch", address)["stringData"]["queue.conf"].splitlines()
    assert line in config
    assert any(entry.startswith("requirepass") for entry in config) is (password is not None)


def test_a_storage_class_puts_the_queue_on_a_claim():
    """With a storage class the data outlives the pod; without one it lives as long as the pod."""
    classed = SUBMISSION.model_copy(update={"queue": SUBMISSION.queue.model_copy(update={"storage_class": "fast"})})
    volumes = manifests.queue_server(RUN, "batch", classed, "v")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": RUN.queue_name}} in volumes
    assert manifests.queue_claim(RUN, "batch", classed)["spec"]["storageClassName"] == "fast"
    volumes = manifests.queue_server(RUN, "batch", SUBMISSION, "v")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "data", "emptyDir": {}} in volumes


def test_the_job_gives_workers_the_contract():
    """Workers get the queue's address, the password by reference, and the user's own variables."""
    environment = {entry["name"]: entry for entry in worker_environment(RUN, SUBMISSION, ADDRESS)}
    assert environment["REDIS_HOST"]["value"] == "10.0.0.7"
    assert environment["REDIS_PORT"]["value"] == "6379"
    assert environment["REDIS_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": RUN.queue_name, "key": "password"}
    assert environment["KUBEJOBS_RUN"]["value"] == RUN.name
    assert environment["MODE"]["value"] == "fast"


def test_the_contracts_variables_win_over_the_users():
    """A user's variable of the contract's name is replaced, not doubled."""
    submission = SUBMISSION.model_copy(update={"env": {"REDIS_HOST": "elsewhere"}})
    hosts = [e["value"] for e in worker_environment(RUN, submission, ADDRESS) if e["name"] == "REDIS_HOST"]
    assert hosts == ["10.0.0.7"]


def test_the_job_starts_with_the_initial_replicas_and_ends_with_its_workers():
    """Parallelism is the initial size, completions are unset, and disruptions are free."""
    spec = manifests.worker_job(RUN, "batch", SUBMISSION, ADDRESS)["spec"]
    assert spec["parallelism"] == 3
    assert "completions" not in spec
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "Ignore"
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["automountServiceAccountToken"] is False


def test_the_same_run_gives_the_same_objects():
    """Manifests have nothing random in them, so that a second try finds what the first one made."""
    assert every_manifest() == every_manifest()


def test_names_are_dns_labels_whatever_the_run_is_called():
    """Run ids have characters that Kubernetes does not allow in names; ours never do."""
    run = RunIdentity("Ünïcode dag", "scheduled__2026-01-01T00:00:00+00:00" * 9)
    assert run.name.replace("-", "").isalnum()
    assert max(len(name) for name in (run.name, run.queue_name, run.anchor_name)) <= 52


def test_ownership_points_at_the_anchor():
    """Deleting the anchor makes Kubernetes delete the object."""
    owned = manifests.owned_by(manifests.queue_service(RUN, "batch"), "uid-1", RUN)
    assert owned["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": RUN.anchor_name, "uid": "uid-1"}
    ]
