"""What is read of a pod, and the order in which Kubernetes removes pods."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubejobs.cluster.worker_pods import WorkerPod, removable, removal_order, worker_pod
from unit.cluster.pods import EPOCH, a_pod, condition, ended, running


def pod(name: str, **fields: Any) -> WorkerPod:
    """A pod that has been ready since second 10."""
    known: dict[str, Any] = {
        "phase": "Running",
        "assigned": True,
        "ready": True,
        "terminating": False,
        "created_at": 0.0,
        "ready_at": 10.0,
    }
    return WorkerPod(name, **{**known, **fields})


def unready(name: str, **fields: Any) -> WorkerPod:
    """A pod that runs and is not ready."""
    return pod(name, ready=False, ready_at=None, **fields)


def pending(name: str, **fields: Any) -> WorkerPod:
    """A pod whose container has not started."""
    return unready(name, phase="Pending", **fields)


def test_a_ready_pod_is_read() -> None:
    """Name, times and counts come from metadata, conditions and containers."""
    read = worker_pod(a_pod(conditions=(condition("Ready"),), containers=(running(2),)))
    assert read == WorkerPod("kj-1-abcde", "Running", True, True, False, EPOCH, EPOCH + 5, 2)
    assert read.active


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        pytest.param(
            a_pod("Pending", node=None, containers=None), {"assigned": False, "phase": "Pending"}, id="without a node"
        ),
        pytest.param(a_pod(None, node=None, containers=None), {"phase": "Pending"}, id="without a status"),
        pytest.param(
            a_pod(conditions=(condition("Ready", "False"),)), {"ready": False, "ready_at": None}, id="not ready"
        ),
        pytest.param(a_pod(conditions=(condition("Ready", "Unknown"),)), {"ready": False}, id="of a silent node"),
        pytest.param(a_pod(deleted=True), {"terminating": True, "active": False, "exit": None}, id="being removed"),
        pytest.param(a_pod("Succeeded", containers=(ended(0),)), {"exit": None, "active": False}, id="done"),
    ],
)
def test_what_a_pod_says(raw: Any, fields: dict[str, Any]) -> None:
    """Each state that a pod can be in."""
    read = worker_pod(raw)
    assert {name: getattr(read, name) for name in fields} == fields


def test_an_exit_is_told_once_the_pod_has_ended() -> None:
    """Before that the same is known as a disruption: its worker may still finish its item."""
    condition_of = condition("DisruptionTarget", reason="EvictionByEvictionAPI", message="why")
    going = worker_pod(a_pod(conditions=(condition_of,), deleted=True))
    assert going.exit is None
    assert going.disruption is not None
    gone = worker_pod(a_pod("Failed", conditions=(condition_of,), deleted=True, containers=(ended(143),)))
    assert gone.exit is not None
    assert (gone.exit.reason, gone.disruption) == ("EvictionByEvictionAPI", None)


# Each pair in the order in which Kubernetes' sort puts it, first removed first.
PAIRS = {
    "without a node before with one": (pending("a", assigned=False), pending("b")),
    "without a node, however long": (pending("a", assigned=False, created_at=0.0), pending("b", created_at=9.0)),
    "pending before running": (pending("a"), unready("b")),
    "pending before running, whatever the age": (pending("a", created_at=0.0), unready("b", created_at=9.0)),
    "not ready before ready": (unready("a", created_at=0.0), pod("b", created_at=9.0)),
    "ready later first": (pod("a", ready_at=11.0), pod("b", ready_at=10.0)),
    "ready since no known time first": (pod("a", ready_at=None), pod("b", ready_at=11.0)),
    "ready later before more restarts": (pod("a", ready_at=11.0), pod("b", restarts=9)),
    "more restarts first": (pod("a", restarts=1), pod("b", restarts=0, created_at=9.0)),
    "newer first": (pod("a", created_at=9.0), pod("b", created_at=0.0)),
    "not ready: the time of readiness does not count": (unready("a", created_at=9.0), unready("b")),
}


@pytest.mark.parametrize(("first", "second"), [pytest.param(*pair, id=name) for name, pair in PAIRS.items()])
def test_of_two_pods_which_goes_first(first: WorkerPod, second: WorkerPod) -> None:
    """Each rule of the Job controller's order alone, both ways round."""
    assert removal_order([first, second]) == (first, second)
    assert removal_order([second, first]) == (first, second)


def test_a_whole_shrink_in_order() -> None:
    """Ended and terminating pods take no part; all the others come in one order, however they were listed."""
    order = [
        pending("unassigned", assigned=False),
        pending("pending-newer", created_at=9.0),
        pending("pending-older"),
        unready("not-ready-newer", created_at=8.0),
        unready("not-ready-older"),
        pod("ready-latest", ready_at=12.0),
        pod("ready-restarted", restarts=3),
        pod("ready-newer", created_at=5.0),
        pod("ready-older"),
    ]
    others = [pod("gone", phase="Failed"), pod("done", phase="Succeeded"), pod("leaving", terminating=True)]
    for rotation in range(len(order)):
        mixed = [*order[rotation:], *others, *order[:rotation]]
        assert removal_order(mixed) == tuple(order)


@pytest.mark.parametrize(
    ("pods", "drained", "count"),
    [
        pytest.param([], [], 0, id="no pod"),
        pytest.param([pod("a"), pod("b", ready_at=11.0)], [], 0, id="all busy"),
        pytest.param([unready("a"), pod("b")], ["a"], 1, id="drained and not ready"),
        pytest.param([pod("a"), pod("b")], ["a"], 0, id="drained and still seen ready"),
        pytest.param([unready("a", created_at=1.0), pod("b")], [], 0, id="not ready yet, and not drained"),
        pytest.param([pending("a", assigned=False), pod("b")], [], 1, id="no room"),
        pytest.param([pending("a"), pod("b")], [], 1, id="its image is pulled"),
        pytest.param([pending("a"), unready("b"), pod("c")], ["b"], 2, id="both kinds"),
        pytest.param(
            [unready("a", created_at=1.0), unready("b", created_at=2.0)], ["a"], 0, id="one that starts goes before it"
        ),
        pytest.param(
            [unready("a", created_at=2.0), unready("b", created_at=1.0)], ["a"], 1, id="one that starts goes after it"
        ),
        pytest.param([unready("a"), unready("b")], ["a"], 0, id="Kubernetes may choose either"),
        pytest.param([unready("a"), unready("b"), pod("c")], ["a", "b"], 2, id="either will do"),
        pytest.param([unready("a", terminating=True), pod("b")], ["a"], 0, id="on its way already"),
        pytest.param([unready("a"), unready("b", created_at=1.0)], ["a", "b", "x"], 2, id="a name of the past"),
    ],
)
def test_how_many_can_go_without_loss(pods: list[WorkerPod], drained: list[str], count: int) -> None:
    """The longest beginning of the order in which every pod is expendable, whichever way ties fall."""
    for listed in itertools.permutations(pods):
        assert removable(listed, drained) == count


@st.composite
def some_pods(draw: st.DrawFn) -> list[WorkerPod]:
    """Pods with few different times, so that ties are frequent."""
    small = st.integers(0, 2).map(float)
    return [
        WorkerPod(
            name=f"pod-{number}",
            phase=draw(st.sampled_from(["Pending", "Running", "Failed"])),
            assigned=draw(st.booleans()),
            ready=(ready := draw(st.booleans())),
            terminating=draw(st.booleans()),
            created_at=draw(small),
            ready_at=draw(small) if ready else None,
            restarts=draw(st.integers(0, 1)),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@given(pods=some_pods(), drained=st.sets(st.sampled_from([f"pod-{number}" for number in range(6)])))
def test_no_busy_pod_is_ever_among_them(pods: list[WorkerPod], drained: set[str]) -> None:
    """Whatever the pods are, the first so many are drained and not ready, or have not begun."""
    for one in removal_order(pods)[: removable(pods, drained)]:
        assert one.phase == "Pending" or not one.assigned or (one.name in drained and not one.ready)
