"""Services and StatefulSets: stable names and addresses for what comes and goes."""

from __future__ import annotations

from typing import Any

from contract.cluster.harness import IMAGE, Kube, gap, pod_spec, races

POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
PORT = 6379
OPEN = ("--protected-mode", "no")
ASK = """
import os, socket, time
place = os.environ.get("HOST") or os.environ["SVC_SERVICE_HOST"], int(os.environ["SVC_SERVICE_PORT"])
tries = int(os.environ.get("TRIES", "50"))
while tries:  # a genuine cluster needs a moment until every node knows a ready pod
    tries -= 1
    try:
        connection = socket.create_connection(place, 5)
        connection.sendall(b"PING\\r\\n")
        print(connection.recv(100).decode().strip())
        break
    except OSError as problem:
        print(repr(problem)) if not tries else time.sleep(0.1)
"""


def queue_set(name: str = "queue", **template: Any) -> dict[str, Any]:
    """A StatefulSet of one Redis-compatible server, as the project deploys it."""
    server = {
        "name": "server",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["redis-server", "--bind", "$(POD_IP)", "--port", str(PORT), "--dir", "/data", "--save", "", *OPEN],
        "env": [POD_IP],
        "ports": [{"name": "redis", "containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {"containers": [server | template], "volumes": [{"name": "data", "emptyDir": {}}]}
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "serviceName": "svc",
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod | {"terminationGracePeriodSeconds": 2}},
        },
    }


def create_service(kube: Kube, target_port: Any = "redis") -> Any:
    """A Service for the pods of `queue_set`."""
    spec = {"selector": {"app": "queue"}, "ports": [{"name": "redis", "port": PORT, "targetPort": target_port}]}
    return kube.core.create_namespaced_service(kube.ns, {"metadata": {"name": "svc"}, "spec": spec})


def ready_replicas(kube: Kube) -> int:
    """Ready pods of the StatefulSet."""
    return kube.apps.read_namespaced_stateful_set("queue", kube.ns).status.ready_replicas or 0


def ask(kube: Kube, name: str, host: str = "", tries: int = 50) -> str:
    """What a pod hears that asks the Service."""
    spec = pod_spec("", env=[{"name": "HOST", "value": host}, {"name": "TRIES", "value": str(tries)}])
    spec["containers"][0]["command"] = ["python3", "-c", ASK]
    kube.create_pod(name, spec | {"restartPolicy": "Never"})
    kube.phase(name, "Succeeded", "Failed")
    return kube.log(name)


@races
def test_a_service_leads_to_a_ready_pod(kube: Kube) -> None:
    """A pod finds a Service by its variables and reaches the server behind it."""
    create_service(kube)
    kube.apps.create_namespaced_stateful_set(kube.ns, queue_set())
    kube.eventually("ready", lambda: ready_replicas(kube) == 1)
    assert ask(kube, "asker").strip() == "+PONG"


def test_a_service_is_found_by_its_names(kube: Kube) -> None:
    """A Service's name, short or full, as the value of a variable leads to it."""
    create_service(kube)
    kube.apps.create_namespaced_stateful_set(kube.ns, queue_set())
    kube.eventually("ready", lambda: ready_replicas(kube) == 1)
    for number, host in enumerate(("svc", f"svc.{kube.ns}.svc", f"svc.{kube.ns}.svc.cluster.local")):
        assert ask(kube, f"asker-{number}", host).strip() == "+PONG"


def test_a_service_without_a_ready_pod_refuses(kube: Kube) -> None:
    """A call to a Service behind which nothing is ready is refused at once."""
    create_service(kube)
    assert "ConnectionRefusedError" in ask(kube, "asker", tries=1)


def test_two_servers_use_the_same_port(kube: Kube) -> None:
    """Every pod has an address of its own, so that many servers listen on one port."""
    for name in ("queue", "other"):
        kube.apps.create_namespaced_stateful_set(kube.ns, queue_set(name))
    create_service(kube)

    def both() -> bool:
        pods = [pod for pod in kube.pods() if pod.status.container_statuses]
        return len([pod for pod in pods if pod.status.container_statuses[0].ready]) == 2

    kube.eventually("both are ready", both)
    assert len({pod.status.pod_ip for pod in kube.pods()}) == 2
    assert all(pod.status.container_statuses[0].restart_count == 0 for pod in kube.pods())


@races
def test_a_stateful_set_keeps_its_pods_name(kube: Kube) -> None:
    """A deleted pod comes back under the same name as another pod."""
    kube.apps.create_namespaced_stateful_set(kube.ns, queue_set())
    kube.eventually("ready", lambda: ready_replicas(kube) == 1)
    first = kube.core.read_namespaced_pod("queue-0", kube.ns)
    assert first.metadata.owner_references[0].kind == "StatefulSet"
    kube.core.delete_namespaced_pod("queue-0", kube.ns)

    def another() -> bool:
        pods = kube.pods("app=queue")
        return bool(pods and pods[0].metadata.uid != first.metadata.uid and pods[0].metadata.name == "queue-0")

    kube.eventually("another pod of that name", another)
    kube.eventually("ready again", lambda: ready_replicas(kube) == 1)


def test_a_dead_server_is_restarted_in_its_pod(kube: Kube) -> None:
    """A server that dies is started again in the same pod, with the same volume."""
    command = ["sh", "-c", "test -e /data/died || { touch /data/died; sleep 1; exit 9; }; exec sleep 60"]
    body = queue_set(command=command, readinessProbe=None)
    kube.apps.create_namespaced_stateful_set(kube.ns, body)

    def restarted() -> Any:
        pods = kube.pods("app=queue")
        statuses = pods[0].status.container_statuses if pods else None
        return pods[0] if statuses and statuses[0].restart_count == 1 and statuses[0].state.running else None

    pod = kube.eventually("restarted once, and running", restarted)
    assert pod.status.container_statuses[0].last_state.terminated.exit_code == 9


def test_a_stateful_set_goes_with_its_pods(kube: Kube) -> None:
    """Deleting a StatefulSet removes its pods, and scaling it to zero does too."""
    kube.apps.create_namespaced_stateful_set(kube.ns, queue_set())
    kube.eventually("a pod", lambda: kube.pods("app=queue"))
    kube.apps.patch_namespaced_stateful_set("queue", kube.ns, {"spec": {"replicas": 0}})
    kube.eventually("no pod", lambda: not kube.pods())
    kube.apps.patch_namespaced_stateful_set("queue", kube.ns, {"spec": {"replicas": 1}})
    kube.eventually("a pod", lambda: kube.pods("app=queue"))
    kube.apps.delete_namespaced_stateful_set("queue", kube.ns)
    kube.eventually("no pod", lambda: not kube.pods())


def test_a_claim_is_made_and_read(kube: Kube) -> None:
    """A claim is accepted and waits for storage or has it."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    kube.core.create_namespaced_persistent_volume_claim(kube.ns, {"metadata": {"name": "claim"}, "spec": spec})
    claim = kube.core.read_namespaced_persistent_volume_claim("claim", kube.ns)
    assert claim.status.phase in ("Pending", "Bound")
    kube.core.delete_namespaced_persistent_volume_claim("claim", kube.ns)

    def gone() -> bool:
        return not kube.core.list_namespaced_persistent_volume_claim(kube.ns).items

    kube.eventually("it is gone", gone)


@gap("any-address")
def test_servers_may_listen_on_every_address(kube: Kube) -> None:
    """Two servers that listen on 0.0.0.0 do not disturb each other."""
    command = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""]
    for name in ("queue", "other"):
        kube.apps.create_namespaced_stateful_set(kube.ns, queue_set(name, command=command))

    def both() -> bool:
        pods = [pod for pod in kube.pods() if pod.status.container_statuses]
        return len([pod for pod in pods if pod.status.container_statuses[0].ready]) == 2

    kube.eventually("both are ready", both)
