"""How a pod ended: its reason, what is said of it, and whether its items are to blame."""

from __future__ import annotations

from typing import Any

import pytest

from kubejobs.cluster.worker_exits import code_in_words, exit_of
from unit.cluster.pods import a_pod, condition, ended


def disrupted(reason: str, message: str = "why") -> Any:
    """The condition with which Kubernetes tells a disruption."""
    return condition("DisruptionTarget", reason=reason, message=message)


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(a_pod(), id="running"),
        pytest.param(a_pod("Pending", containers=None), id="pending"),
        pytest.param(a_pod(deleted=True), id="being removed"),
        pytest.param(a_pod("Succeeded", containers=(ended(0, "Completed"),)), id="done"),
        pytest.param(a_pod("Succeeded", conditions=(disrupted("EvictionByEvictionAPI"),)), id="done while disrupted"),
        pytest.param(a_pod(conditions=(condition("DisruptionTarget", "False", "X"),)), id="no longer disrupted"),
    ],
)
def test_a_pod_that_goes_on_or_is_done_has_no_exit(pod: Any) -> None:
    """Only a bad end, or one that is coming, is an exit."""
    assert exit_of(pod) is None


@pytest.mark.parametrize(
    ("pod", "reason", "code", "blamed"),
    [
        pytest.param(a_pod("Failed", containers=(ended(1),)), "Error", 1, True, id="exit code"),
        pytest.param(a_pod("Failed", containers=(ended(139),)), "Error", 139, True, id="signal"),
        pytest.param(a_pod("Failed", containers=(ended(1, None),)), "Error", 1, True, id="no reason given"),
        pytest.param(
            a_pod("Failed", containers=(ended(137, "OOMKilled"),)), "OOMKilled", 137, True, id="out of memory"
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(137, "OOMKilled"),), deleted=True),
            "OOMKilled",
            137,
            True,
            id="oom, removed",
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(137, "OOMKilled"),), conditions=(disrupted("EvictionByEvictionAPI"),)),
            "OOMKilled",
            137,
            True,
            id="oom, then evicted",
        ),
        pytest.param(a_pod("Failed", containers=(ended(143),), deleted=True), "Deleted", 143, False, id="removed"),
        pytest.param(
            a_pod("Failed", containers=(ended(128, "StartError"),)), "StartError", 128, True, id="could not start"
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(137, "ContainerStatusUnknown"),)),
            "ContainerStatusUnknown",
            137,
            False,
            id="node restarted",
        ),
        pytest.param(a_pod("Failed", init=(ended(1, name="runner"),)), "Error", 1, True, id="init container"),
        pytest.param(
            a_pod("Failed", containers=None, reason="OutOfcpu", message="no room"), "OutOfcpu", None, True, id="refused"
        ),
        pytest.param(a_pod("Failed", containers=None), "Error", None, True, id="nothing known"),
        pytest.param(
            a_pod("Failed", reason="Evicted", message="low on memory", conditions=(disrupted("TerminationByKubelet"),)),
            "Evicted",
            None,
            True,
            id="evicted by its node",
        ),
        pytest.param(
            a_pod("Failed", reason="Terminated", conditions=(disrupted("TerminationByKubelet"),)),
            "TerminationByKubelet",
            None,
            False,
            id="node shut down",
        ),
        pytest.param(
            a_pod("Failed", conditions=(disrupted("TerminationByKubelet"),)),
            "TerminationByKubelet",
            None,
            True,
            id="ended by its node",
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(143),), conditions=(disrupted("PreemptionByScheduler"),)),
            "PreemptionByScheduler",
            143,
            False,
            id="preempted",
        ),
        *(
            pytest.param(a_pod(deleted=True, conditions=(disrupted(reason),)), reason, None, False, id=reason)
            for reason in (
                "PreemptionByScheduler",
                "DeletionByTaintManager",
                "EvictionByEvictionAPI",
                "DeletionByPodGC",
            )
        ),
    ],
)
def test_an_exit_says_why_and_whom_to_blame(pod: Any, reason: str, code: int | None, blamed: bool) -> None:
    """What the pod did itself counts against its items; what was done to it does not."""
    found = exit_of(pod)
    assert found is not None
    assert (found.reason, found.exit_code, found.blames_items) == (reason, code, blamed)
    assert found.message


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        pytest.param(
            a_pod("Failed", containers=(ended(139),)),
            "container worker ended with exit code 139 (SIGSEGV)",
            id="signal",
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(2, message="bad\n option "),)),
            "container worker ended with exit code 2: bad option",
            id="its own words",
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(137, "OOMKilled"),), limit="64Mi"),
            "container worker used more than its memory limit of 64Mi; raise resources.limits.memory",
            id="limit",
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(137, "OOMKilled"),)),
            "container worker was killed as its node ran out of memory; give it a memory request or more of it",
            id="no limit",
        ),
        pytest.param(
            a_pod("Failed", containers=(ended(143),), deleted=True),
            "the pod was removed; container worker ended with exit code 143 (SIGTERM)",
            id="removed",
        ),
    ],
)
def test_an_exits_message(pod: Any, said: str) -> None:
    """What happened, and what to do where something can be done."""
    assert getattr(exit_of(pod), "message", None) == said


def test_a_long_message_is_cut() -> None:
    """A pod's words are kept to a length that fits a ledger."""
    found = exit_of(a_pod("Failed", containers=(ended(1, message="x" * 4096),)))
    assert found is not None
    assert len(found.message) <= 501


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (128, "exit code 128"), (137, "exit code 137 (SIGKILL)"), (255, "exit code 255")],
)
def test_an_exit_code_in_words(code: int, words: str) -> None:
    """Codes above 128 name their signal where there is one."""
    assert code_in_words(code) == words
