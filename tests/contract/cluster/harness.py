"""What the contract tests share: backends, manifests, and a handle on one namespace of a cluster."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from kubernetes import client, config

from localkube.gaps import GAPS
from localkube.kubelet.images import queue_runtime
from localkube.testing import running_cluster

Result = TypeVar("Result")
Test = TypeVar("Test", bound=Callable[..., Any])

GENUINE_KUBECONFIG = os.environ.get("KUBEJOBS_TEST_KUBECONFIG")
IMAGE = os.environ.get("KUBEJOBS_TEST_IMAGE", "docker.io/local/base:1")
LOCAL_BACKENDS = {"localkube": 0.0, "localkube-delayed": 0.5}
BACK_OFF_SECONDS = 0.3


def gap(name: str) -> Callable[[Test], Test]:
    """The embedded cluster differs here, for a reason that its README lists."""
    reason = GAPS[name]

    def mark(test: Test) -> Test:
        test.gap_reason = f"{name}: {reason}"  # type: ignore[attr-defined]
        return test

    return mark


def races(test: Test) -> Test:
    """The order of the cluster's reactions matters here, so the delayed cluster is tried too."""
    test.races = True  # type: ignore[attr-defined]
    return test


@dataclass
class Backend:
    """A cluster to test."""

    name: str
    kubeconfig: Path

    @property
    def genuine(self) -> bool:
        """Whether it is a genuine Kubernetes."""
        return self.name == "genuine"

    def new_client(self) -> client.ApiClient:
        """An unmodified official client of it."""
        return config.new_client_from_config(str(self.kubeconfig))


@contextmanager
def open_backend(name: str, directory: Path) -> Iterator[Backend]:
    """Start, or find, the backend of that name."""
    if name == "genuine":
        assert GENUINE_KUBECONFIG
        yield Backend(name, Path(GENUINE_KUBECONFIG))
        return
    runtime = queue_runtime(directory / "bin")
    path = [str(Path(sys.executable).parent), *(runtime.path if runtime else ())]
    with running_cluster({IMAGE: {"path": path}}, LOCAL_BACKENDS[name], BACK_OFF_SECONDS) as kubeconfig:
        yield Backend(name, kubeconfig)


@dataclass
class Kube:
    """One namespace of a cluster, and the official clients for it."""

    backend: Backend
    api: client.ApiClient
    ns: str
    core: client.CoreV1Api = field(init=False)
    batch: client.BatchV1Api = field(init=False)
    apps: client.AppsV1Api = field(init=False)

    def __post_init__(self) -> None:
        self.core, self.batch, self.apps = (
            client.CoreV1Api(self.api),
            client.BatchV1Api(self.api),
            client.AppsV1Api(self.api),
        )

    def eventually(self, what: str, look: Callable[[], Result | None], seconds: float = 40) -> Result:
        """The first true result of `look`; fails with `what` if there is none in time."""
        deadline = time.monotonic() + seconds
        pause = 0.2 if self.backend.genuine else 0.02
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(pause)
        pytest.fail(f"not seen within {seconds} s: {what}")

    def settles(self, what: str, holds: Callable[[], bool]) -> None:
        """Fails if `holds` is false at any moment of the time in which the cluster would react."""
        end = time.monotonic() + (3 if self.backend.genuine else 1.2 if "delayed" in self.backend.name else 0.3)
        while time.monotonic() < end:
            assert holds(), what
            time.sleep(0.05)

    def pods(self, selector: str = "") -> list[client.V1Pod]:
        """The pods that match the label selector."""
        return self.core.list_namespaced_pod(self.ns, label_selector=selector).items

    def job_pods(self, name: str) -> list[client.V1Pod]:
        """The pods of a Job that are not being deleted."""
        return [pod for pod in self.pods(f"job-name={name}") if not pod.metadata.deletion_timestamp]

    def running(self, name: str, count: int) -> list[client.V1Pod]:
        """Waits for exactly that many running pods of a Job."""

        def look() -> list[client.V1Pod] | None:
            pods = self.job_pods(name)
            good = [pod for pod in pods if pod.status.phase == "Running"]
            return pods if len(good) == len(pods) == count else None

        return self.eventually(f"{count} running pods of {name}", look)

    def evict(self, name: str) -> None:
        """Take a pod away as a drained node would; where there is no eviction, by what an eviction leaves behind."""
        if self.backend.genuine:
            self.core.create_namespaced_pod_eviction(name, self.ns, {"metadata": {"name": name}})
            return
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "moved",
        }
        self.core.patch_namespaced_pod_status(name, self.ns, {"status": {"conditions": [condition]}})
        self.core.delete_namespaced_pod(name, self.ns)

    def create_pod(self, name: str, pod: dict[str, Any]) -> client.V1Pod:
        """Create a pod from its specification."""
        return self.core.create_namespaced_pod(
            self.ns, {"metadata": {"name": name, "labels": {"app": name}}, "spec": pod}
        )

    def create_job(self, name: str, command: str, *, pod: dict[str, Any] | None = None, **spec: Any) -> client.V1Job:
        """Create a Job whose pods run a shell command."""
        template = {"spec": {"restartPolicy": "Never", **pod_spec(command), **(pod or {})}}
        body = {"metadata": {"name": name}, "spec": {"template": template, **spec}}
        return self.batch.create_namespaced_job(self.ns, body)

    def job(self, name: str) -> client.V1Job:
        """The Job as it stands."""
        return self.batch.read_namespaced_job(name, self.ns)

    def patch_job(self, name: str, **spec: Any) -> client.V1Job:
        """Change a Job's specification by the client's default kind of patch."""
        return self.batch.patch_namespaced_job(name, self.ns, {"spec": spec})

    def job_condition(self, name: str, kind: str) -> Any:
        """The Job's condition of that type if it is true."""
        conditions = self.job(name).status.conditions or []
        return next((one for one in conditions if one.type == kind and one.status == "True"), None)

    def phase(self, name: str, *phases: str) -> client.V1Pod:
        """Waits until the pod has one of the phases."""

        def look() -> client.V1Pod | None:
            pod = self.core.read_namespaced_pod(name, self.ns)
            return pod if pod.status.phase in phases else None

        return self.eventually(f"{name} is {' or '.join(phases)}", look)

    def log(self, name: str, **options: Any) -> str:
        """The pod's log."""
        answer = self.core.read_namespaced_pod_log(name, self.ns, _preload_content=False, **options)
        return bytes(answer.data).decode()

    def config_map(self, name: str, **metadata: Any) -> client.V1ConfigMap:
        """Create a ConfigMap."""
        return self.core.create_namespaced_config_map(
            self.ns, {"metadata": {"name": name, **metadata}, "data": {"key": "value"}}
        )


def container(command: str, name: str = "main", **fields: Any) -> dict[str, Any]:
    """A container that runs a shell command."""
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", command],
        **fields,
    }


def pod_spec(command: str, **fields: Any) -> dict[str, Any]:
    """A pod of one container that runs a shell command and gives up at once when asked to."""
    return {"containers": [container(command, **fields)], "terminationGracePeriodSeconds": 1}


def owner_of(item: Any, kind: str = "ConfigMap", api_version: str = "v1") -> dict[str, Any]:
    """An ownerReference to an object."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": item.metadata.name,
        "uid": item.metadata.uid,
        "blockOwnerDeletion": True,
    }


def refused(action: Callable[[], Any]) -> client.ApiException:
    """The error with which the cluster refuses an action."""
    with pytest.raises(client.ApiException) as caught:
        action()
    return caught.value
