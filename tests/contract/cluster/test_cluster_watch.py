"""Watches: every change once and in order, through unmodified clients."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import kubernetes_asyncio
import pytest
from kubernetes import watch

from contract.cluster.harness import Kube, pod_spec, races, refused


def changes(kube: Kube, count: int, **options: Any) -> list[tuple[str, str]]:
    """The first changes of a watch on ConfigMaps, as type and name."""
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(kube.core.list_namespaced_config_map, kube.ns, timeout_seconds=20, **options):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == count:
            watcher.stop()
    return seen


def test_a_watch_goes_on_where_a_list_ended(kube: Kube) -> None:
    """From a list's resourceVersion on, a watch tells every later change, in order."""
    kube.config_map("before")
    version = kube.core.list_namespaced_config_map(kube.ns).metadata.resource_version
    kube.config_map("one", labels={"run": "1"})
    kube.core.patch_namespaced_config_map("one", kube.ns, {"data": {"key": "new"}})
    kube.core.delete_namespaced_config_map("one", kube.ns)
    selector = {"resource_version": version, "label_selector": "run=1"}
    assert changes(kube, 3, **selector) == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]


def test_a_watch_without_a_version_begins_with_what_is_there(kube: Kube) -> None:
    """A watch from nowhere first adds the objects that exist."""
    kube.config_map("one", labels={"run": "1"})
    assert changes(kube, 1, label_selector="run=1") == [("ADDED", "one")]


def test_a_watch_tells_objects_that_enter_and_leave_its_selection(kube: Kube) -> None:
    """A change of labels adds an object to a watch by label, or deletes it from there."""
    kube.config_map("one")
    version = kube.core.list_namespaced_config_map(kube.ns).metadata.resource_version
    for label in ("1", "2"):
        kube.core.patch_namespaced_config_map("one", kube.ns, {"metadata": {"labels": {"run": label}}})
    selected = changes(kube, 2, resource_version=version, label_selector="run=1")
    assert selected == [("ADDED", "one"), ("DELETED", "one")]


def test_a_watch_tells_changes_as_they_happen(kube: Kube) -> None:
    """A change reaches a watch that is already waiting."""
    version = kube.core.list_namespaced_config_map(kube.ns).metadata.resource_version
    later = threading.Timer(0.3, lambda: kube.config_map("late", labels={"run": "1"}))
    later.start()
    assert changes(kube, 1, resource_version=version, label_selector="run=1") == [("ADDED", "late")]
    later.join()


def test_a_watch_ends_at_its_timeout(kube: Kube) -> None:
    """TimeoutSeconds ends a watch of its own accord, with a proper end of the stream."""
    answer = kube.core.list_namespaced_secret(kube.ns, watch=True, timeout_seconds=1, _preload_content=False)
    began = time.monotonic()
    assert answer.read().strip() == b""
    assert time.monotonic() - began < 15


def test_a_watch_from_too_long_ago_is_gone(kube: Kube) -> None:
    """A resourceVersion that history no longer reaches is 410, in the answer or as the first event."""
    if not kube.backend.genuine:  # make history longer than what is kept; a genuine cluster compacts by time
        pytest.skip("the unit tests of the store show it with a short history")

    def look() -> None:
        list(watch.Watch().stream(kube.core.list_namespaced_pod, kube.ns, resource_version="1", timeout_seconds=2))

    assert refused(look).status == 410


def test_a_watch_from_no_version_at_all_is_a_bad_request(kube: Kube) -> None:
    """A resourceVersion that is none is refused."""
    problem = refused(
        lambda: kube.core.list_namespaced_pod(kube.ns, watch=True, resource_version="x", timeout_seconds=1)
    )
    assert problem.status in (400, 500)


@races
def test_pods_are_told_from_start_to_end(kube: Kube) -> None:
    """A watch on pods shows them pending, running, ended and gone."""
    # It runs until it is seen to: a state that lasts a moment only may be told to nobody.
    kube.create_pod("pod", pod_spec("trap 'exit 3' TERM; while :; do sleep 0.1; done") | {"restartPolicy": "Never"})
    seen: list[str] = []
    watcher = watch.Watch()
    for event in watcher.stream(kube.core.list_namespaced_pod, kube.ns, timeout_seconds=50):
        phase = event["object"].status.phase
        if event["type"] == "DELETED":
            seen.append("DELETED")
            watcher.stop()
        elif not seen or seen[-1] != phase:
            seen.append(phase)
            if phase == "Running":
                kube.core.delete_namespaced_pod("pod", kube.ns)
    assert [one for one in seen if one != "Pending"] == ["Running", "Failed", "DELETED"]


def run_async(kube: Kube, work: Callable[[Any], Any]) -> Any:
    """Run a coroutine with an unmodified asynchronous client."""

    async def main() -> Any:
        await kubernetes_asyncio.config.load_kube_config(config_file=str(kube.backend.kubeconfig))
        async with kubernetes_asyncio.client.ApiClient() as api:
            return await asyncio.wait_for(work(api), 30)

    return asyncio.run(main())


def test_the_asynchronous_client_creates_patches_and_deletes(kube: Kube) -> None:
    """The asynchronous client makes a Job, changes it by its default patch, and deletes it."""

    async def work(api: Any) -> tuple[int, str]:
        batch = kubernetes_asyncio.client.BatchV1Api(api)
        body = {
            "metadata": {"name": "job"},
            "spec": {"suspend": True, "template": {"spec": {"restartPolicy": "Never", **pod_spec("true")}}},
        }
        await batch.create_namespaced_job(kube.ns, body)
        patched = await batch.patch_namespaced_job("job", kube.ns, {"spec": {"parallelism": 4}})
        await batch.delete_namespaced_job("job", kube.ns, propagation_policy="Background")
        try:
            await batch.create_namespaced_job(kube.ns, {"metadata": {"name": "Wrong!"}, "spec": body["spec"]})
        except kubernetes_asyncio.client.ApiException as problem:
            return patched.spec.parallelism, json.loads(problem.body)["reason"]
        return patched.spec.parallelism, ""

    assert run_async(kube, work) == (4, "Invalid")


def test_the_asynchronous_client_watches(kube: Kube) -> None:
    """The asynchronous client's watch tells changes while others go on."""

    async def work(api: Any) -> list[str]:
        core = kubernetes_asyncio.client.CoreV1Api(api)
        seen: list[str] = []
        async with kubernetes_asyncio.watch.Watch() as watcher:
            stream = watcher.stream(
                core.list_namespaced_config_map, kube.ns, label_selector="run=1", timeout_seconds=20
            )
            creating = asyncio.create_task(
                core.create_namespaced_config_map(kube.ns, {"metadata": {"name": "one", "labels": {"run": "1"}}})
            )
            async for event in stream:
                seen.append(f"{event['type']} {event['object'].metadata.name}")
                if len(seen) == 2:
                    break
                await core.delete_namespaced_config_map("one", kube.ns)
            await creating
        return seen

    assert run_async(kube, work) == ["ADDED one", "DELETED one"]
