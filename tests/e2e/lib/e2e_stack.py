"""The stack of the end-to-end tests: the development stack's parts, with a triggerer that a test may kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from kubernetes import client, config

from devstack.airflow_environment import airflow_environment
from devstack.credentials import StackSecrets
from devstack.endpoint import Endpoint
from devstack.interruption import Interruption
from devstack.layout import Layout
from devstack.part import Part
from devstack.parts import stack_parts, write_images
from devstack.ports import LOOPBACK, free_port
from devstack.private_file import read_json, write_private
from devstack.processes import die_with_parent
from devstack.readiness import wait_until_ready
from devstack.stack import Stack
from kubejobs.cli.airflow_api import AirflowApi
from kubejobs.cluster.client import ClusterClient, read_queue_address
from kubejobs.cluster.remove import Left, objects_of
from kubejobs.naming import RunIdentity
from kubejobs.workqueue.types import QueueAddress

LOCAL_WORKER_IMAGE = "kubejobs-worker:test"
NAMESPACE = "kubejobs-e2e"
SHARED_REDIS = "shared_redis"
_TRIGGERER = "triggerer"
_CLEAN_SECONDS = 60.0
_FINAL = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@dataclass
class E2EStack:
    """A running stack, and what tests ask of it."""

    layout: Layout
    endpoint: Endpoint
    triggerer_part: Part
    worker_image: str
    genuine: bool
    api: AirflowApi
    runs: list[str] = field(default_factory=list)
    triggerer: subprocess.Popen[bytes] | None = None

    def start_triggerer(self) -> None:
        """Start the triggerer in a session of its own."""
        log = self.triggerer_part.log.open("ab")
        self.triggerer = subprocess.Popen(
            self.triggerer_part.command,
            env=self.triggerer_part.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, signal.SIGTERM),  # noqa: PLW1509 - one prctl, no lock
        )
        log.close()

    def kill_triggerer(self, number: int = signal.SIGKILL) -> None:
        """End the triggerer and its children by signal, as a lost node would."""
        if self.triggerer is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.triggerer.pid, number)
            self.triggerer.wait(30)
            self.triggerer = None

    def submit(self, conf: dict[str, Any], dag_id: str = "kubejobs") -> str:
        """Trigger a run by REST."""
        run_id = self.api.trigger(conf, f"e2e__{len(self.runs)}_{time.time_ns()}", dag_id)
        self.runs.append(run_id)
        return run_id

    def request(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        """Any call of Airflow's REST API."""
        with httpx.Client(base_url=self.endpoint.url, timeout=60, trust_env=False) as http:
            credentials = {"username": self.endpoint.user, "password": self.endpoint.password}
            token = http.post("/auth/token", json=credentials).json()["access_token"]
            return http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})

    def mark_failed(self, run_id: str) -> None:
        """What the button "mark as failed" of a run does."""
        answer = self.request("PATCH", f"/api/v2/dags/kubejobs/dagRuns/{run_id}", {"state": "failed"})
        assert answer.is_success, answer.text

    def task_states(self, run_id: str) -> dict[str, str | None]:
        """State of every task of the run."""
        return {task["task_id"]: task["state"] for task in self.api.task_instances(run_id)}

    def tries(self, run_id: str) -> dict[str, int]:
        """How often every task of the run was tried."""
        return {task["task_id"]: task["try_number"] for task in self.api.task_instances(run_id)}

    def wait_for_end(self, run_id: str, seconds: float = 240) -> str:
        """The run's final state, once all of its tasks are over too."""
        self.wait(lambda: self._over(run_id), seconds, lambda: f"{run_id}: {self.task_states(run_id)}")
        return str(self.api.run(run_id)["state"])

    def _over(self, run_id: str) -> bool:
        state = self.api.run(run_id)["state"]
        return state in {"success", "failed"} and all(s in _FINAL for s in self.task_states(run_id).values())

    def wait_for_progress(self, run_id: str, done: int, seconds: float = 120) -> dict[str, Any]:
        """The published progress, once so many items are done."""
        found: dict[str, Any] = {}

        def enough() -> bool:
            found.update(self.api.xcom(run_id, "control", "progress") or {})
            return found.get("done", 0) >= done

        self.wait(enough, seconds, lambda: f"{run_id}: {found} {self.task_states(run_id)}")
        return found

    def wait_for_task(self, run_id: str, task: str, state: str, seconds: float = 120) -> None:
        """Return when the task is in the state."""
        self.wait(lambda: self.task_states(run_id).get(task) == state, seconds, lambda: str(self.task_states(run_id)))

    @staticmethod
    def wait(ready: Any, seconds: float, describe: Any) -> None:
        """Return when `ready()`; an AssertionError with `describe()` after `seconds`."""
        give_up_at = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < give_up_at, f"not within {seconds:g} s: {describe()}"
            time.sleep(0.5)

    def log(self, run_id: str, task: str) -> str:
        """The log of the task's last try."""
        number = self.tries(run_id).get(task, 1) or 1
        return "\n".join(self.api.task_log(run_id, task, number))

    def report(self, run_id: str) -> dict[str, Any]:
        """The XCom `report`."""
        report = self.api.xcom(run_id, "report", "report")
        assert report, self.log(run_id, "report")
        return dict(report)

    def cluster(self) -> ClusterClient:
        """A client of the cluster."""
        return ClusterClient(config.new_client_from_config(self.endpoint.kubeconfig))

    def objects(self, run_id: str, namespace: str = NAMESPACE) -> list[Left]:
        """Every object of the run."""
        return objects_of(self.cluster(), RunIdentity("kubejobs", run_id), namespace)

    def queue_address(self, run_id: str) -> QueueAddress:
        """Where the run's queue is."""
        address = read_queue_address(self.cluster(), RunIdentity("kubejobs", run_id), NAMESPACE)
        assert address is not None
        return address

    def wait_until_gone(self, run_id: str, seconds: float = _CLEAN_SECONDS) -> None:
        """Return when the run has no object left."""
        self.wait(lambda: not self.objects(run_id), seconds, lambda: str(self.objects(run_id)))

    def wait_until_clean(self) -> None:
        """End what a failed test left, and check that nothing of any run is left."""
        for run_id in self.runs:
            if not self._over(run_id):
                self.mark_failed(run_id)
            self.wait_until_gone(run_id, 120)
        self.runs.clear()


@contextmanager
def running_stack(folder: Path, settings: Mapping[str, str], shared_redis: QueueAddress) -> Iterator[E2EStack]:
    """The stack in `folder`, stopped at the end; it has an Airflow connection to `shared_redis`."""
    kubeconfig = settings.get("KUBEJOBS_TEST_KUBECONFIG")
    layout = Layout(state=folder)
    layout.make()
    _write_images(layout)
    if kubeconfig:
        shutil.copy(kubeconfig, layout.kubeconfig)
    secrets = StackSecrets.load_or_make(layout)
    port = free_port(None)
    environment = airflow_environment(layout, secrets, port) | _product(settings if kubeconfig else {})
    environment |= _connections(layout, shared_redis)
    parts = stack_parts(layout, environment)
    left_out = {_TRIGGERER, "localkube"} if kubeconfig else {_TRIGGERER}
    endpoint = Endpoint(f"http://{LOOPBACK}:{port}", secrets.password, str(layout.kubeconfig))
    started_at = time.time()
    stack = Stack.start(layout, [part for part in parts if part.name not in left_out], Interruption())
    with endpoint.api() as api:
        ready = E2EStack(
            layout=layout,
            endpoint=endpoint,
            triggerer_part=next(part for part in parts if part.name == _TRIGGERER),
            worker_image=settings.get("KUBEJOBS_TEST_WORKER_IMAGE", "") if kubeconfig else LOCAL_WORKER_IMAGE,
            genuine=bool(kubeconfig),
            api=api,
        )
        try:
            _wait_for_the_database(ready)
            ready.start_triggerer()
            wait_until_ready(layout, api, stack.check, lambda _: None, started_at)
            with _namespace(ready):
                yield ready
        finally:
            ready.kill_triggerer(signal.SIGTERM)
            stack.stop()


@contextmanager
def _namespace(stack: E2EStack) -> Iterator[None]:
    """The namespace of all runs; where the cluster enforces it, pods keep the restricted standard or are refused."""
    core = client.CoreV1Api(config.new_client_from_config(stack.endpoint.kubeconfig))
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.create_namespace({"metadata": {"name": NAMESPACE, "labels": labels}})
    try:
        yield
    finally:
        core.delete_namespace(NAMESPACE)


def _wait_for_the_database(stack: E2EStack) -> None:
    stack.wait(stack.layout.schema_stamp.exists, 120, lambda: "Airflow's database is not made")


def _connections(layout: Layout, shared_redis: QueueAddress) -> dict[str, str]:
    cluster = {"kube_config_path": str(layout.kubeconfig), "namespace": NAMESPACE}
    redis = {"conn_type": "redis", "host": shared_redis.host, "port": shared_redis.port}
    return {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps({"conn_type": "kubernetes", "extra": cluster}),
        f"AIRFLOW_CONN_{SHARED_REDIS.upper()}": json.dumps(redis | {"password": shared_redis.password}),
    }


def _product(settings: Mapping[str, str]) -> dict[str, str]:
    queue_image = settings.get("KUBEJOBS_TEST_QUEUE_IMAGE")
    own = {"KUBEJOBS_WORKLOAD_ALLOW_PRIVATE": "true", "KUBEJOBS_QUEUE_READY_SECONDS": "90"}
    return own | ({"KUBEJOBS_QUEUE_IMAGE": queue_image} if queue_image else {})


def _write_images(layout: Layout) -> None:
    """On the embedded cluster the worker image is this very environment."""
    write_images(layout)
    images = read_json(layout.images) or {}
    programs = str(Path(sys.executable).parent)
    images[LOCAL_WORKER_IMAGE] = {"path": [programs], "env": {"PYTHONPATH": str(layout.repository / "examples")}}
    write_private(layout.images, images)
