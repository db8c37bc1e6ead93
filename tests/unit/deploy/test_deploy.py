"""From a submission to a filled queue and a plan: the order, repeated tries, and what is said when it fails."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kubejobs.cluster.client import read_queue_address
from kubejobs.control.plan import Plan
from kubejobs.deploy.deploy import Order, deploy
from kubejobs.deploy.queue_server import Target, provide_queue, wait_until_ready
from kubejobs.errors import ClusterError, QueueError, WorkloadError
from kubejobs.naming import RunIdentity
from kubejobs.settings import Settings
from kubejobs.submission.model import Submission
from kubejobs.submission.parse import parse_submission
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress
from support.cluster_fake import FakeClusterClient
from support.queue_fixtures import valkey
from support.valkey import ValkeyServer

__all__ = ["valkey"]

SETTINGS = Settings(queue_ready_seconds=0.01)
NOWHERE = QueueAddress("127.0.0.1", 1, password="zz-password")
_numbers = itertools.count()


def submission(**fields: Any) -> Submission:
    """A small valid submission."""
    return parse_submission({"image": "busybox", "workload": {"items": ["a"]}, "expected_time": 60, **fields})


@pytest.fixture
def target() -> Target:
    """A run of its own on an empty cluster."""
    return Target(FakeClusterClient(), "ns", RunIdentity("kubejobs", f"manual__{next(_numbers)}"))


def order_of(target: Target, valkey: ValkeyServer, **fields: Any) -> Order:
    """The order of a run on a shared Redis."""
    return Order(target, submission(**fields), submitted_at=12.5, shared_queue=valkey.address())


def test_a_run_is_deployed(target: Target, valkey: ValkeyServer) -> None:
    """The items are queued in the run's own place, the plan lies beside them, and the clock runs."""
    plan = deploy(order_of(target, valkey), ["a", "b", "c"], SETTINGS, lambda _: None)
    address = read_queue_address(target.cluster, target.run, "ns")
    assert address == valkey.address(target.run.key_prefix)
    with WorkQueue(address) as queue:
        assert queue.snapshot().counts.queued == 3
        assert Plan.from_json(queue.read_plan() or "") == Plan.from_json(plan.to_json())
        queue.delete_run()
    assert (plan.total, plan.namespace, plan.submitted_at) == (3, "ns", 12.5)


PRIORITIZED = [(0, "low"), (9, "urgent"), (5, "middle"), (9, "urgent too")]


@pytest.mark.parametrize("drain", [True, False], ids=["client library", "one list"])
def test_priorities_reach_the_queue(target: Target, valkey: ValkeyServer, drain: bool) -> None:
    """Where workers may know one list only, the prioritized items are at its head, highest first."""
    order = order_of(target, valkey, drain=drain)
    assert deploy(order, PRIORITIZED, SETTINGS, lambda _: None).total == 4
    with WorkQueue(valkey.address(target.run.key_prefix)) as queue, valkey.client() as server:
        assert queue.snapshot().counts.queued == 4
        listed = server.lrange(queue.keys.queued, 0, -1)[::-1]
        assert listed == (["low"] if drain else ["urgent", "urgent too", "middle", "low"])
        queue.delete_run()


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_an_open_workload_leaves_the_queue_open(target: Target, valkey: ValkeyServer, is_open: bool) -> None:
    """Its producer appends and closes it; any other is complete."""
    said: list[str] = []
    order = order_of(target, valkey, workload={"items": ["a"], "open": is_open})
    deploy(order, ["a"], SETTINGS, said.append)
    with WorkQueue(valkey.address(target.run.key_prefix)) as queue:
        assert queue.snapshot().closed is not is_open
        queue.delete_run()
    assert ("more will be appended" in " ".join(said)) is is_open


def test_a_second_try_goes_on_with_the_first_ones_plan(target: Target, valkey: ValkeyServer) -> None:
    """The same plan and clock, and no item twice."""
    order = order_of(target, valkey)
    first = deploy(order, ["a", "b"], SETTINGS, lambda _: None)
    said: list[str] = []
    second = deploy(order, ["a", "b"], SETTINGS, said.append)
    assert second.to_json() == first.to_json()
    assert "an earlier try has filled the queue" in said
    with WorkQueue(valkey.address(target.run.key_prefix)) as queue:
        assert queue.snapshot().counts.queued == 2
        queue.delete_run()


def test_a_try_that_broke_after_the_fill_is_completed(target: Target, valkey: ValkeyServer) -> None:
    """Items that are queued without a plan are not queued again."""
    with WorkQueue(valkey.address(target.run.key_prefix)) as queue:
        queue.fill(["a", "b"])
        assert deploy(order_of(target, valkey), ["a", "b"], SETTINGS, lambda _: None).total == 2
        assert queue.snapshot().counts.queued == 2
        queue.delete_run()


def test_a_workload_that_breaks_leaves_the_cluster_untouched(target: Target, valkey: ValkeyServer) -> None:
    """Nothing was asked of the cluster when the last line is found to be bad."""

    def items() -> Iterator[str]:
        yield "good"
        raise WorkloadError("line 2 is not UTF-8")

    with pytest.raises(WorkloadError):
        deploy(order_of(target, valkey), items(), SETTINGS, lambda _: None)
    assert target.cluster.calls == []


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        pytest.param({}, ["ConfigMap", "Secret", "Service", "StatefulSet"], id="emptyDir"),
        pytest.param(
            {"queue": {"storage_class": "fast"}},
            ["ConfigMap", "PersistentVolumeClaim", "Secret", "Service", "StatefulSet"],
            id="volume",
        ),
    ],
)
def test_the_objects_of_a_private_queue(target: Target, fields: dict[str, Any], kinds: list[str]) -> None:
    """Each once, and all owned by the anchor."""
    address = provide_queue(target, submission(**fields), SETTINGS, None)
    assert target.cluster.kinds() == kinds
    anchor = target.cluster.find("ConfigMap", target.run.anchor_name, "ns").metadata.uid
    owners = {item.metadata.owner_references[0]["uid"] for item in objects(target, "ConfigMap")}
    assert owners == {anchor}
    assert address.host == target.cluster.service_address
    assert len(address.password or "") >= 32


def objects(target: Target, *without: str) -> list[Any]:
    """Every object of the cluster but those kinds."""
    return [item for (kind, _, _), item in target.cluster.objects.items() if kind not in without]


def test_only_the_secret_holds_the_password(target: Target) -> None:
    """No other manifest and no repr of the address shows it."""
    address = provide_queue(target, submission(), SETTINGS, None)
    assert address.password
    assert address.password not in repr(address)
    assert not any(address.password in str(item.manifest) for item in objects(target, "Secret"))


def test_the_first_trys_password_stays(target: Target) -> None:
    """A second try draws a new one and then finds what the server was started with."""
    first, second = (provide_queue(target, submission(), SETTINGS, None) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("image", [None, "registry.example.com/valkey:8"])
def test_the_image_of_the_server(target: Target, image: str | None) -> None:
    """The submission's, else the setting's."""
    provide_queue(target, submission(queue={"image": image}), SETTINGS, None)
    server = target.cluster.find("StatefulSet", target.run.queue_name, "ns").manifest
    assert server["spec"]["template"]["spec"]["containers"][0]["image"] == (image or SETTINGS.queue_image)


def test_a_secret_that_vanishes_is_said(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's deletion in the middle of deploy has its own message."""
    monkeypatch.setattr(target.cluster, "find", lambda *_: None)
    with pytest.raises(ClusterError, match="was deleted while the queue was made"):
        provide_queue(target, submission(), SETTINGS, None)


def pod(*, condition: Any = None, waiting: Any = None, phase: str = "Pending") -> Any:
    """A pod of the queue server as the official client gives it."""
    state = SimpleNamespace(state=SimpleNamespace(waiting=waiting))
    return SimpleNamespace(
        status=SimpleNamespace(
            phase=phase,
            conditions=[condition] if condition else None,
            container_statuses=[state] if waiting else None,
        )
    )


PULL = SimpleNamespace(reason="ErrImagePull", message="no such image")
NO_ROOM = SimpleNamespace(type="PodScheduled", status="False", reason="Unschedulable", message="0/1 nodes")


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        pytest.param([], "was not made; the events of its StatefulSet say why", id="no pod"),
        pytest.param([pod(waiting=PULL)], "ErrImagePull: no such image", id="image"),
        pytest.param([pod(condition=NO_ROOM)], "Unschedulable: 0/1 nodes", id="no room"),
        pytest.param([pod()], "is still being created", id="creating"),
        pytest.param([pod(phase="Running")], "runs", id="runs and is not reached"),
    ],
)
def test_why_a_private_server_does_not_answer(
    target: Target, monkeypatch: pytest.MonkeyPatch, pods: list[Any], said: str
) -> None:
    """The cluster's own reason, the address, and what to check; never the password."""
    monkeypatch.setattr(target.cluster, "list", lambda *_: pods)
    with WorkQueue(NOWHERE) as queue, pytest.raises(QueueError) as caught:
        wait_until_ready(queue, target, NOWHERE, 0.01, lambda _: None)
    message = str(caught.value)
    assert said in message
    assert "127.0.0.1:1 did not answer within 0.01 s" in message
    assert "KUBEJOBS_QUEUE_IMAGE" in message
    assert "zz-password" not in message


def test_a_shared_redis_that_does_not_answer_is_not_blamed_on_a_pod(target: Target) -> None:
    """There is no pod and no image of ours there: the message names the Redis and the field that chose it."""
    shared = QueueAddress("127.0.0.1", 1, prefix=target.run.key_prefix)
    with WorkQueue(shared) as queue, pytest.raises(QueueError) as caught:
        wait_until_ready(queue, target, shared, 0.01, lambda _: None)
    message = str(caught.value)
    assert "queue.connection" in message
    assert "127.0.0.1:1 did not answer within 0.01 s" in message
    assert not any(word in message for word in ("pod", "StatefulSet", "KUBEJOBS_QUEUE_IMAGE"))
    assert target.cluster.calls == []
