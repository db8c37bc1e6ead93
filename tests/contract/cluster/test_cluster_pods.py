"""Pods: from configuration to exit code, log and event."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from kubernetes import client, watch

from contract.cluster.harness import Kube, container, gap, pod_spec, races, refused

NEVER = {"restartPolicy": "Never"}


def state_of(kube: Kube, name: str, index: int = 0) -> Any:
    """The state of a container, as soon as there is one."""
    statuses = kube.core.read_namespaced_pod(name, kube.ns).status.container_statuses
    return statuses[index].state if statuses else None


def waiting_reason(kube: Kube, name: str) -> str:
    """Why the container waits, "" if it does not."""
    state = state_of(kube, name)
    return state.waiting.reason if state and state.waiting else ""


@pytest.mark.parametrize(
    ("command", "phase", "code", "reason"),
    [
        pytest.param("true", "Succeeded", 0, "Completed", id="success"),
        pytest.param("exit 3", "Failed", 3, "Error", id="failure"),
        # The first process of a container is immune to its own SIGKILL, so a child dies of it.
        pytest.param("sleep 60 & kill -9 $!; wait $!", "Failed", 137, "Error", id="signal"),
    ],
)
def test_a_pod_ends_as_its_container_does(kube: Kube, command: str, phase: str, code: int, reason: str) -> None:
    """Phase, exit code and reason follow from how the main process ended."""
    kube.create_pod("pod", pod_spec(command) | NEVER)
    pod = kube.phase("pod", "Succeeded", "Failed")
    ended = pod.status.container_statuses[0].state.terminated
    assert (pod.status.phase, ended.exit_code, ended.reason) == (phase, code, reason)
    assert ended.finished_at >= ended.started_at


def test_a_running_pod_has_address_and_conditions(kube: Kube) -> None:
    """A running pod is scheduled, initialized and ready, and has an address."""
    kube.create_pod("pod", pod_spec("sleep 60"))

    def ready() -> client.V1Pod | None:
        pod = kube.core.read_namespaced_pod("pod", kube.ns)
        conditions = {one.type: one.status for one in pod.status.conditions or []}
        wanted = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        return pod if all(conditions.get(name) == "True" for name in wanted) else None

    pod = kube.eventually("all conditions", ready)
    assert pod.status.pod_ip
    assert pod.spec.node_name
    assert pod.status.container_statuses[0].state.running.started_at


@races
def test_a_deleted_pod_may_finish_what_it_does(kube: Kube) -> None:
    """A delete sends SIGTERM; the pod's last state tells how it ended before it goes."""
    script = "trap 'sleep 0.3; exit 7' TERM; echo up; while :; do sleep 0.1; done"
    kube.create_pod("pod", pod_spec(script) | NEVER | {"terminationGracePeriodSeconds": 20})
    kube.eventually("it runs", lambda: kube.phase("pod", "Running") and "up" in kube.log("pod"))
    version = kube.core.list_namespaced_pod(kube.ns).metadata.resource_version
    kube.core.delete_namespaced_pod("pod", kube.ns)
    codes, watcher = [], watch.Watch()
    stream = watcher.stream(kube.core.list_namespaced_pod, kube.ns, resource_version=version, timeout_seconds=30)
    for event in stream:
        pod = event["object"]
        assert pod.metadata.deletion_timestamp is not None
        ended = pod.status.container_statuses[0].state.terminated
        codes += [ended.exit_code] if ended else []
        if event["type"] == "DELETED":
            watcher.stop()
    assert codes[-1] == 7


def test_a_pod_that_does_not_listen_is_killed(kube: Kube) -> None:
    """After the grace period a pod that ignores SIGTERM is gone."""
    script = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    kube.create_pod("pod", pod_spec(script) | NEVER)
    kube.eventually("it runs", lambda: kube.phase("pod", "Running") and "up" in kube.log("pod"))
    kube.core.delete_namespaced_pod("pod", kube.ns, grace_period_seconds=1)
    kube.eventually("it is gone", lambda: not kube.pods())


def test_a_readiness_probe_decides_readiness(kube: Kube) -> None:
    """A container is ready while its probe succeeds, and not when it fails."""
    probe = {"exec": {"command": ["sh", "-c", "test -e /state/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    script = "sleep 1; touch /state/ready; sleep 2; rm /state/ready; sleep 60"
    spec = pod_spec(script, readinessProbe=probe, volumeMounts=[{"name": "state", "mountPath": "/state"}])
    kube.create_pod("pod", spec | {"volumes": [{"name": "state", "emptyDir": {}}]})

    def is_ready() -> bool:
        statuses = kube.core.read_namespaced_pod("pod", kube.ns).status.container_statuses
        return bool(statuses and statuses[0].ready)

    kube.phase("pod", "Running")
    assert not is_ready()
    kube.eventually("ready", is_ready)
    kube.eventually("not ready", lambda: not is_ready())


def test_a_tcp_probe_finds_a_listener(kube: Kube) -> None:
    """A pod is ready when its port answers at its address."""
    script = "exec python3 -m http.server --bind $POD_IP 8080"
    variables = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    probe = {"tcpSocket": {"port": "web"}, "periodSeconds": 1}
    ports = [{"name": "web", "containerPort": 8080}]
    kube.create_pod("pod", pod_spec(script, env=variables, readinessProbe=probe, ports=ports))

    def is_ready() -> bool:
        statuses = kube.core.read_namespaced_pod("pod", kube.ns).status.container_statuses
        return bool(statuses and statuses[0].ready)

    kube.eventually("ready", is_ready)


# Listens for two seconds, closes its port for two, and listens again.
OPEN_AND_CLOSE = """
import os, socket, time
for seconds in (2, 60):
    listener = socket.create_server((os.environ["POD_IP"], 8080))
    time.sleep(seconds)
    listener.close()
    time.sleep(2)
"""


def test_readiness_follows_a_port(kube: Kube) -> None:
    """A pod that closes the port of its probe turns not ready within seconds, and ready again when it opens it."""
    variables = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1, "successThreshold": 1}
    spec = pod_spec("", env=variables, readinessProbe=probe)
    spec["containers"][0]["command"] = ["python3", "-c", OPEN_AND_CLOSE]
    kube.create_pod("pod", spec)

    def readiness() -> client.V1PodCondition | None:
        conditions = kube.core.read_namespaced_pod("pod", kube.ns).status.conditions or []
        return next((one for one in conditions if one.type == "Ready"), None)

    def seen(status: str) -> client.V1PodCondition | None:
        found = readiness()
        return found if found is not None and found.status == status else None

    first = kube.eventually("ready", lambda: seen("True"))
    kube.eventually("not ready", lambda: seen("False"))
    again = kube.eventually("ready again", lambda: seen("True"))
    assert again.last_transition_time > first.last_transition_time


def test_variables_come_from_everywhere(kube: Kube) -> None:
    """Values come from the pod, from Secrets and ConfigMaps, and from one another, also in arguments."""
    kube.core.create_namespaced_secret(kube.ns, {"metadata": {"name": "s"}, "stringData": {"password": "pw"}})
    kube.config_map("c")
    fields = {
        "NAME": "metadata.name",
        "SPACE": "metadata.namespace",
        "UID": "metadata.uid",
        "IP": "status.podIP",
        "LABEL": "metadata.labels['app']",
    }
    variables = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    variables += [
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
        {"name": "CONFIG", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "key"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "none", "optional": True}}},
        {"name": "URL", "value": "redis://:$(SECRET)@$(IP)/$$(IP)/$(UNKNOWN)"},
    ]
    script = 'echo "$NAME $SPACE $UID $IP $LABEL $SECRET $CONFIG ${NONE-unset} $URL $0"'
    main = container(script, env=variables, envFrom=[{"configMapRef": {"name": "c"}, "prefix": "P_"}])
    main["command"].append("$(SECRET)-$(LABEL)")
    main["command"][2] += "; echo $P_key"
    created = kube.create_pod("pod", {"containers": [main]} | NEVER)
    pod = kube.phase("pod", "Succeeded", "Failed")
    ip = pod.status.pod_ip
    expected = f"pod {kube.ns} {created.metadata.uid} {ip} pod pw value unset redis://:pw@{ip}/$(IP)/$(UNKNOWN) pw-pod"
    assert kube.log("pod").splitlines() == [expected, "value"]


@races
def test_a_missing_secret_is_waited_for(kube: Kube) -> None:
    """A container waits with CreateContainerConfigError until what it refers to is there."""
    variables = [{"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}}]
    kube.create_pod("pod", pod_spec("echo $SECRET", env=variables) | NEVER)
    kube.eventually("it waits", lambda: waiting_reason(kube, "pod") == "CreateContainerConfigError")
    kube.core.create_namespaced_secret(kube.ns, {"metadata": {"name": "s"}, "stringData": {"password": "pw"}})
    kube.phase("pod", "Succeeded")
    assert kube.log("pod") == "pw\n"


def test_an_unknown_image_is_told(kube: Kube) -> None:
    """A pod whose image can't be had stays pending, says why, and has no log."""
    spec = pod_spec("true")
    spec["containers"][0]["image"] = "registry.invalid/no/such:1"
    kube.create_pod("pod", spec)
    kube.eventually("pull error", lambda: waiting_reason(kube, "pod") in ("ErrImagePull", "ImagePullBackOff"))
    kube.eventually("back-off", lambda: waiting_reason(kube, "pod") == "ImagePullBackOff", 60)
    assert kube.core.read_namespaced_pod("pod", kube.ns).status.phase == "Pending"
    problem = refused(lambda: kube.log("pod"))
    assert problem.status == 400
    assert 'container "main" in pod "pod" is waiting to start' in json.loads(problem.body)["message"]
    events = kube.core.list_namespaced_event(kube.ns, field_selector="involvedObject.name=pod,type=Warning").items
    assert "Failed" in {event.reason for event in events}
    kube.core.delete_namespaced_pod("pod", kube.ns)
    kube.eventually("it is gone", lambda: not kube.pods())


def test_a_program_that_does_not_exist_fails_the_pod(kube: Kube) -> None:
    """A command that can't be started ends the container with StartError and 128."""
    spec = pod_spec("") | NEVER
    spec["containers"][0]["command"] = ["/no/such/program"]
    kube.create_pod("pod", spec)
    ended = kube.phase("pod", "Failed").status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (128, "StartError")


def test_a_pod_that_does_not_fit_is_unschedulable(kube: Kube) -> None:
    """A pod that requests more than there is stays pending and says so."""
    kube.create_pod("pod", pod_spec("true", resources={"requests": {"cpu": "10k"}}))

    def unschedulable() -> Any:
        conditions = kube.core.read_namespaced_pod("pod", kube.ns).status.conditions or []
        return next((one for one in conditions if one.reason == "Unschedulable"), None)

    condition = kube.eventually("unschedulable", unschedulable)
    assert (condition.type, condition.status) == ("PodScheduled", "False")
    assert "Insufficient cpu" in condition.message


def test_volumes_are_shared_by_the_containers(kube: Kube) -> None:
    """An init container's file is there for the container; Secrets and ConfigMaps are files."""
    kube.core.create_namespaced_secret(kube.ns, {"metadata": {"name": "s"}, "stringData": {"password": "pw"}})
    kube.config_map("c")
    mounts = [{"name": name, "mountPath": f"/mnt/{name}"} for name in ("data", "secret", "config")]
    spec = {
        "initContainers": [container("echo made > /mnt/data/file", "init", volumeMounts=mounts)],
        "containers": [container("cat /mnt/data/file /mnt/secret/password /mnt/config/key", volumeMounts=mounts)],
        "volumes": [
            {"name": "data", "emptyDir": {}},
            {"name": "secret", "secret": {"secretName": "s"}},
            {"name": "config", "configMap": {"name": "c"}},
        ],
    }
    kube.create_pod("pod", spec | NEVER)
    pod = kube.phase("pod", "Succeeded", "Failed")
    assert kube.log("pod", container="main") == "made\npwvalue"
    assert pod.status.init_container_statuses[0].state.terminated.exit_code == 0


def test_a_failed_init_container_ends_the_pod(kube: Kube) -> None:
    """With restartPolicy Never a failing init container fails the pod, and no container starts."""
    spec = {"initContainers": [container("exit 4", "init")], "containers": [container("true")]}
    kube.create_pod("pod", spec | NEVER)
    pod = kube.phase("pod", "Failed")
    assert pod.status.init_container_statuses[0].state.terminated.exit_code == 4
    assert pod.status.container_statuses[0].state.terminated is None


def test_a_container_that_ends_is_restarted(kube: Kube) -> None:
    """RestartPolicy Always starts it again; the run before can still be looked at."""
    kube.create_pod("pod", pod_spec("echo run; sleep 0.3; exit 5"))

    def restarted() -> Any:
        statuses = kube.core.read_namespaced_pod("pod", kube.ns).status.container_statuses
        return (
            statuses[0] if statuses and statuses[0].restart_count >= 1 and statuses[0].last_state.terminated else None
        )

    status = kube.eventually("restarted", restarted)
    assert status.last_state.terminated.exit_code == 5
    kube.eventually("the log of the run before", lambda: kube.log("pod", previous=True) == "run\n")


def test_a_log_can_be_read_in_parts(kube: Kube) -> None:
    """A log is read from its end, since a time, and with times."""
    kube.create_pod(
        "pod", pod_spec("for i in 1 2 3; do echo line $i; done; sleep 2; echo late; printf end >&2") | NEVER
    )
    kube.phase("pod", "Succeeded")
    assert kube.log("pod").splitlines() == ["line 1", "line 2", "line 3", "late", "end"]
    assert kube.log("pod", tail_lines=2).splitlines() == ["late", "end"]
    stamped = kube.log("pod", timestamps=True, tail_lines=2).splitlines()
    assert all(line[:2] == "20" and "T" in line.split(" ", 1)[0] for line in stamped)
    assert kube.log("pod", limit_bytes=6) == "line 1"
    kube.eventually("old lines are not since", lambda: "line" not in kube.log("pod", since_seconds=2))
    problem = refused(lambda: kube.log("pod", previous=True))
    assert problem.status == 400


def test_a_log_can_be_followed(kube: Kube) -> None:
    """Following a log gives lines as they are written, until the container ends."""
    kube.create_pod("pod", pod_spec("for i in 1 2 3; do echo line $i; sleep 0.5; done") | NEVER)
    kube.phase("pod", "Running", "Succeeded")
    answer = kube.core.read_namespaced_pod_log("pod", kube.ns, follow=True, _preload_content=False)
    assert b"".join(answer.stream()).decode().splitlines() == ["line 1", "line 2", "line 3"]
    assert kube.phase("pod", "Succeeded")


def test_a_log_needs_a_container_name_where_there_are_many(kube: Kube) -> None:
    """Without a container's name the log of a pod with two is 400."""
    kube.create_pod("pod", {"containers": [container("sleep 60", "a"), container("sleep 60", "b")]})
    problem = refused(lambda: kube.log("pod"))
    assert problem.status == 400
    assert "a container name must be specified for pod pod" in json.loads(problem.body)["message"]


def test_events_tell_a_pods_way(kube: Kube) -> None:
    """Events tell that a pod was scheduled, its image there, its container created and started."""
    kube.create_pod("pod", pod_spec("true") | NEVER)
    kube.phase("pod", "Succeeded")

    def reasons() -> bool:
        events = kube.core.list_namespaced_event(kube.ns, field_selector="involvedObject.name=pod").items
        return {"Scheduled", "Pulled", "Created", "Started"} <= {event.reason for event in events}

    kube.eventually("all four events", reasons)


def test_a_cpu_limit_is_kept(kube: Kube) -> None:
    """A busy process with a limit of a quarter core gets about that."""
    script = "import time; e = time.time() + 3\nwhile time.time() < e: pass\nprint(time.process_time() / 3)"
    spec = pod_spec("", resources={"limits": {"cpu": "250m"}, "requests": {"cpu": "10m"}})
    spec["containers"][0]["command"] = ["python3", "-c", script]
    kube.create_pod("pod", spec | NEVER)
    kube.phase("pod", "Succeeded")
    assert 0.1 < float(kube.log("pod")) < 0.45


def test_a_memory_limit_is_kept(kube: Kube) -> None:
    """A container that uses more is killed, and its pod says why."""
    script = "import time; data = bytearray(200_000_000); time.sleep(60)"
    spec = pod_spec("", resources={"limits": {"memory": "64Mi"}})
    spec["containers"][0]["command"] = ["python3", "-c", script]
    kube.create_pod("pod", spec | NEVER)
    ended = kube.phase("pod", "Failed").status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (137, "OOMKilled")


def test_a_stopped_process_still_hears_its_end(kube: Kube) -> None:
    """A pod at its CPU limit ends as soon as it is asked to."""
    spec = pod_spec("trap 'exit 0' TERM; while :; do :; done", resources={"limits": {"cpu": "100m"}})
    kube.create_pod("pod", spec | {"terminationGracePeriodSeconds": 60})
    kube.phase("pod", "Running")
    kube.core.delete_namespaced_pod("pod", kube.ns)
    kube.eventually("it is gone", lambda: not kube.pods(), 30)


@gap("isolation")
def test_containers_have_their_own_file_system(kube: Kube) -> None:
    """A file that one pod writes at the root is not there for another."""
    kube.create_pod("writer", pod_spec("echo x > /tmp/contract-file") | NEVER)
    kube.phase("writer", "Succeeded")
    kube.create_pod("reader", pod_spec("test ! -e /tmp/contract-file") | NEVER)
    kube.phase("reader", "Succeeded")


@gap("service-accounts")
def test_pods_have_a_token(kube: Kube) -> None:
    """A pod finds its service account's token."""
    kube.create_pod("pod", pod_spec("test -s /var/run/secrets/kubernetes.io/serviceaccount/token") | NEVER)
    kube.phase("pod", "Succeeded")


def test_many_watchers_and_pods_at_once(kube: Kube) -> None:
    """Ten pods made at once all end, and a watch sees each of them end."""
    ended: set[str] = set()

    def look() -> None:
        watcher = watch.Watch()
        for event in watcher.stream(kube.core.list_namespaced_pod, kube.ns, timeout_seconds=50):
            if event["object"].status.phase == "Succeeded":
                ended.add(event["object"].metadata.name)
            if len(ended) == 10:
                watcher.stop()

    watching = threading.Thread(target=look)
    watching.start()
    for index in range(10):
        kube.create_pod(f"pod-{index}", pod_spec("true") | NEVER)
    began = time.monotonic()
    watching.join(60)
    assert ended == {f"pod-{index}" for index in range(10)}, f"after {time.monotonic() - began:.0f} s"
