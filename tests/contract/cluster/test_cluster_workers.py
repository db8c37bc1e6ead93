"""A Job's pods as control reads them, and that Kubernetes removes the ones that it is expected to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from kubernetes_asyncio import client, config

from contract.cluster.harness import IMAGE, Kube, pod_spec, races
from kubejobs.cluster import aio, manifests
from kubejobs.cluster.aio import AsyncRunCluster
from kubejobs.cluster.job_status import JobStatus
from kubejobs.cluster.worker_pods import WorkerPod, removable
from kubejobs.naming import COMPONENT_LABEL, QUEUE, RUN_LABEL, WORKER, RunIdentity
from kubejobs.settings import Settings
from kubejobs.submission.parse import parse_submission
from kubejobs.workqueue.types import QueueAddress

Result = TypeVar("Result")

RUN = RunIdentity("kubejobs", "contract")
RUNNER_IMAGE = os.environ.get("KUBEJOBS_TEST_RUNNER_IMAGE")
PORT = 9711
# The first two pods of the run are drained: they say so and do not listen. The others are busy.
WORKER_PROGRAM = f"""
import os, signal, socket, sys
def claimed():
    for number in (1, 2):
        place = f"{{os.environ['SHARED']}}/{{os.environ['RUN']}}-{{number}}"
        try:
            os.mkdir(place)
            return place
        except FileExistsError:
            pass
place = claimed()
def leave(*_):
    if place:
        os.rmdir(place)
    sys.exit(143)
signal.signal(signal.SIGTERM, leave)
if place is None:
    listener = socket.create_server((os.environ["POD_IP"], {PORT}))
print("busy" if place is None else "drained", flush=True)
while True:
    signal.pause()
"""


def create_workers(kube: Kube, pod: dict[str, Any], parallelism: int, component: str = WORKER) -> None:
    """The run's Job, or one of another component, with the labels that control looks for."""
    labels = {RUN_LABEL: RUN.name, COMPONENT_LABEL: component}
    template = {"metadata": {"labels": labels}, "spec": {"restartPolicy": "Never", **pod}}
    name = RUN.job_name if component == WORKER else f"{RUN.job_name}-{component}"
    body = {"metadata": {"name": name, "labels": labels}, "spec": {"template": template, "parallelism": parallelism}}
    kube.batch.create_namespaced_job(kube.ns, body)


def on_cluster(kube: Kube, work: Callable[[AsyncRunCluster], Awaitable[Result]]) -> Result:
    """What `work` makes of the asynchronous side of the cluster."""

    async def main() -> Result:
        configuration = client.Configuration()
        await config.load_kube_config(str(kube.backend.kubeconfig), client_configuration=configuration)
        async with client.ApiClient(configuration) as opened:
            return await work(AsyncRunCluster(opened, RUN, kube.ns))

    return asyncio.run(main())


def read_pods(kube: Kube) -> tuple[WorkerPod, ...]:
    """The run's pods."""
    return on_cluster(kube, AsyncRunCluster.read_pods)


def test_the_pods_of_the_run_are_read_page_by_page(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages there are, each worker's pod is there once, and no pod of another component."""
    monkeypatch.setattr(aio, "_PODS_A_PAGE", 2)
    create_workers(kube, pod_spec("sleep 60"), 5)
    create_workers(kube, pod_spec("sleep 60"), 1, QUEUE)
    running = kube.running(RUN.job_name, 5)
    kube.eventually("all are ready", lambda: all(pod.ready for pod in read_pods(kube)))
    found = read_pods(kube)
    assert sorted(pod.name for pod in found) == sorted(pod.metadata.name for pod in running)
    for pod in found:
        assert (pod.phase, pod.assigned, pod.active, pod.exit, pod.restarts) == ("Running", True, True, None, 0)
        assert pod.ready_at is not None
        assert pod.ready_at >= pod.created_at > 0


def test_a_run_without_pods(kube: Kube) -> None:
    """Before the Job exists there is nothing to read, which is no error."""
    assert read_pods(kube) == ()


def test_a_pod_that_finds_no_room_is_pending(kube: Kube) -> None:
    """It has no node, and its parallelism can be taken back at no loss."""
    create_workers(kube, pod_spec("sleep 60", resources={"requests": {"cpu": "10k"}}), 1)
    (pod,) = kube.eventually("the pod is there", lambda: read_pods(kube))
    assert (pod.phase, pod.assigned, pod.ready, pod.active) == ("Pending", False, False, True)
    assert removable([pod], []) == 1


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        pytest.param("exit 3", 3, "container main ended with exit code 3", id="exit code"),
        pytest.param(
            "sleep 60 & kill -9 $!; wait $!", 137, "container main ended with exit code 137 (SIGKILL)", id="signal"
        ),
    ],
)
def test_a_failed_pod_says_how_it_ended(kube: Kube, command: str, code: int, message: str) -> None:
    """Reason and exit code are those of its container, and count against its items."""
    create_workers(kube, pod_spec(command), 1)

    def failed() -> WorkerPod | None:
        return next((pod for pod in read_pods(kube) if pod.exit is not None), None)

    ended = kube.eventually("a pod has failed", failed).exit
    assert ended is not None
    assert (ended.reason, ended.exit_code, ended.message, ended.blames_items) == ("Error", code, message, True)


def test_a_disrupted_pod_says_who_takes_it_away(kube: Kube) -> None:
    """Known while it still ends; its items are not to blame."""
    pod = pod_spec("trap '' TERM; while :; do sleep 0.1; done") | {"terminationGracePeriodSeconds": 10}
    create_workers(kube, pod, 1)
    (running,) = kube.running(RUN.job_name, 1)
    kube.evict(running.metadata.name)

    def leaving() -> WorkerPod | None:
        return next((one for one in read_pods(kube) if one.terminating), None)

    seen = kube.eventually("it is terminating", leaving)
    assert (seen.active, seen.exit) == (False, None)
    assert seen.disruption is not None
    assert (seen.disruption.reason, seen.disruption.blames_items) == ("EvictionByEvictionAPI", False)
    assert seen.disruption.message


@races
def test_a_shrink_by_what_is_removable_takes_the_drained_ones(kube: Kube) -> None:
    """Kubernetes removes exactly the workers that were drained and turned not ready, and no busy one."""
    variables = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "RUN", "value": kube.ns},
        {"name": "SHARED", "value": "/shared"},
    ]
    probe = {"tcpSocket": {"port": PORT}, "periodSeconds": 1, "failureThreshold": 1}
    mounts = [{"name": "shared", "mountPath": "/shared"}]
    pod = pod_spec("", env=variables, readinessProbe=probe, volumeMounts=mounts)
    pod["containers"][0]["command"] = ["python3", "-c", WORKER_PROGRAM]
    pod |= {"volumes": [{"name": "shared", "hostPath": {"path": "/tmp"}}], "terminationGracePeriodSeconds": 10}
    create_workers(kube, pod, 4)
    kube.running(RUN.job_name, 4)
    kube.eventually("the busy ones are ready", lambda: sum(one.ready for one in read_pods(kube)) == 2)
    pods = read_pods(kube)
    said = {one.name: kube.log(one.name).strip() for one in pods}
    drained = {name for name, word in said.items() if word == "drained"}
    assert removable(pods, []) == 0
    assert removable(pods, drained) == len(drained) == 2

    async def shrink(cluster: AsyncRunCluster) -> None:
        job = await cluster.read_job()
        await cluster.set_parallelism(job.parallelism - removable(pods, drained), job.resource_version)

    on_cluster(kube, shrink)
    kube.eventually("two are left", lambda: len(read_pods(kube)) == 2)
    assert not {one.name for one in read_pods(kube)} & drained
    kube.settles("and they stay", lambda: all(one.active and one.ready for one in read_pods(kube)))


def test_a_workers_memory_limit_is_its_exit(kube: Kube) -> None:
    """A worker that was killed for its memory says so, with the limit."""
    pod = pod_spec("", resources={"limits": {"memory": "64Mi"}})
    pod["containers"][0]["command"] = ["python3", "-c", "import time; data = bytearray(200_000_000); time.sleep(60)"]
    create_workers(kube, pod, 1)

    def failed() -> WorkerPod | None:
        return next((one for one in read_pods(kube) if one.exit is not None), None)

    ended = kube.eventually("the pod has failed", failed).exit
    assert ended is not None
    assert (ended.reason, ended.exit_code, ended.blames_items) == ("OOMKilled", 137, True)
    assert "memory limit of 64Mi" in ended.message


def test_a_runner_comes_into_the_pod_and_a_mistyped_command_fails_the_job_at_once(kube: Kube) -> None:
    """The image holds no runner; backoffLimit would allow more pods; the failure says what is wrong."""
    if kube.backend.genuine and not RUNNER_IMAGE:
        pytest.skip("KUBEJOBS_TEST_RUNNER_IMAGE names no image of the runner")
    conf = {"image": IMAGE, "command": ["no-such-program", "-v"], "items": ["a"], "expected_time": 60, "runner": {}}
    submission, address = parse_submission({**conf, "image_pull_policy": "IfNotPresent"}), QueueAddress("127.0.0.1")
    image = RUNNER_IMAGE if kube.backend.genuine and RUNNER_IMAGE else Settings().runner_image
    kube.core.create_namespaced_secret(kube.ns, manifests.queue_secret(RUN, kube.ns, address))
    kube.batch.create_namespaced_job(kube.ns, manifests.worker_job(RUN, kube.ns, submission, address, image))
    job = kube.eventually("failed", lambda: on_cluster(kube, failed_job), 60)
    assert job.failed == 1
    assert job.failure is not None
    assert job.failure.startswith("PodFailurePolicy: Container worker for pod ")
    assert "failed with exit code 127" in job.failure
    assert "(the command does not exist in the image or is not executable; the pod's log says more)" in job.failure
    (pod,) = kube.pods()
    assert "no-such-program" in kube.log(pod.metadata.name, container="worker")


async def failed_job(cluster: AsyncRunCluster) -> JobStatus | None:
    """The Job once it has failed."""
    job = await cluster.read_job()
    return job if job.failure is not None else None
