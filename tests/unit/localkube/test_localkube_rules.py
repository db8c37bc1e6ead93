"""What the controllers decide and what the kubelet makes of a pod: pure functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localkube.controllers import job_rules as rules
from localkube.gaps import readme_list
from localkube.kubelet.environment import expand, mount_rewriter
from localkube.kubelet.images import Images
from localkube.kubelet.status import ContainerView, PodView, phase, waiting

README = Path(__file__).parents[3] / "src" / "localkube" / "README.md"


def pod(name: str, pod_phase: str = "Running", ready: str | None = None, **metadata: Any) -> dict[str, Any]:
    """A pod as the Job controller sees it; `ready` is when it became ready."""
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}] if ready else []
    metadata = {"name": name, "namespace": "ns", "creationTimestamp": "2026-01-01T00:00:00Z", **metadata}
    return {"metadata": metadata, "spec": {"nodeName": "n"}, "status": {"phase": pod_phase, "conditions": conditions}}


def test_a_shrink_takes_pending_then_unready_then_youngest() -> None:
    """The order of removal is Kubernetes' own."""
    pods = [
        pod("old", ready="2026-01-01T00:00:01Z"),
        pod("young", ready="2026-01-01T00:00:09Z"),
        pod("unready"),
        pod("pending", "Pending"),
    ]
    order = [one["metadata"]["name"] for one in rules.removal_order(pods)]
    assert order == ["pending", "unready", "young", "old"]


@pytest.mark.parametrize(
    ("spec", "succeeded", "active", "wanted"),
    [
        pytest.param({"parallelism": 3}, 0, 1, 3, id="queue"),
        pytest.param({"parallelism": 3}, 1, 2, 2, id="queue-after-success"),
        pytest.param({"parallelism": 1}, 1, 2, 2, id="no-shrink-after-success"),
        pytest.param({"parallelism": 3, "completions": 4}, 2, 2, 2, id="completions"),
        pytest.param({"parallelism": 3, "completions": 4}, 5, 0, 0, id="more-than-enough"),
    ],
)
def test_how_many_pods_a_job_wants(spec: dict[str, Any], succeeded: int, active: int, wanted: int) -> None:
    """The wanted number follows parallelism, completions and what succeeded."""
    assert rules.wanted_active(spec, succeeded, active) == wanted


def test_a_pods_first_outcome_counts_and_failures_back_off() -> None:
    """A pod ends once; the pause doubles with each failure and is forgotten with a success."""
    ledger = rules.Ledger()
    ledger.note("a", "removed", 0)
    ledger.note("a", "failed", 0)
    assert (ledger.count("failed"), ledger.back_off_seconds(10, 0)) == (0, 0)
    ledger.note("b", "failed", 100)
    ledger.note("c", "failed", 100)
    assert ledger.back_off_seconds(10, 105) == 15
    ledger.note("d", "succeeded", 106)
    assert ledger.back_off_seconds(10, 106) == 0


@pytest.mark.parametrize(
    ("rule", "action"),
    [
        ({"onExitCodes": {"operator": "In", "values": [3]}}, "FailJob"),
        ({"onExitCodes": {"operator": "NotIn", "values": [3]}}, "Count"),
        ({"onExitCodes": {"containerName": "other", "operator": "In", "values": [3]}}, "Count"),
        ({"onPodConditions": [{"type": "DisruptionTarget"}]}, "FailJob"),
        ({"onPodConditions": [{"type": "Else"}]}, "Count"),
    ],
)
def test_failure_rules_match(rule: dict[str, Any], action: str) -> None:
    """A rule matches by exit codes or by conditions, and the first match decides."""
    failed = pod("p", "Failed")
    failed["status"]["containerStatuses"] = [{"name": "main", "state": {"terminated": {"exitCode": 3}}}]
    failed["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
    assert rules.failure_action({"rules": [{"action": "FailJob"} | rule]}, failed)[0] == action


@pytest.mark.parametrize(
    ("text", "expanded"),
    [("$(A)/x", "1/x"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A", "$A"), ("$$$(A)", "$1"), ("$(A", "$(A")],
)
def test_references_are_expanded(text: str, expanded: str) -> None:
    """References to known variables are replaced, all else stays as Kubernetes leaves it."""
    assert expand(text, {"A": "1"}) == expanded


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/data", "/real/d"),
        ("--dir=/data/x", "--dir=/real/d/x"),
        ("cd /data && ls /data/sub", "cd /real/d && ls /real/s"),
        ("/database", "/database"),
        ("/var/data", "/var/data"),
        ("http://host/data", "http://host/data"),
        ("file:///data/x", "file:///data/x"),
    ],
)
def test_mount_paths_are_rewritten_where_a_path_begins(text: str, rewritten: str) -> None:
    """A mountPath is replaced where it begins a path, the longest first, and nowhere else."""
    mounts = {"/data": Path("/real/d"), "/data/sub": Path("/real/s")}
    assert mount_rewriter(mounts)(text) == rewritten


@pytest.mark.parametrize(
    ("pattern", "image", "found"),
    [
        ("python", "python", True),
        ("python", "docker.io/library/python:3.11", True),
        ("python:3.11", "python:3.12", False),
        ("local/base", "docker.io/local/base:1", True),
        ("docker.io/local/base:*", "local/base:2", True),
        ("registry:5000/x", "registry:5000/x:1", True),
        ("registry:5000/x", "x", False),
        ("*", "anything:1", True),
        ("local/base", "docker.io/local/base@sha256:00", True),
    ],
)
def test_image_patterns_match_full_names(tmp_path: Path, pattern: str, image: str, found: bool) -> None:
    """Patterns and images are compared in full, whatever is left out of either."""
    assert (Images({pattern: {}}, tmp_path).find(image) is not None) is found


def view(*states: dict[str, Any], policy: str = "Never", last: dict[str, Any] | None = None) -> PodView:
    """A pod whose containers are in these states."""
    return PodView(policy, [], [ContainerView("c", "i", state, last or {}) for state in states], "", "")


RUNNING = {"running": {}}
ENDED, FAILED = {"terminated": {"exitCode": 0}}, {"terminated": {"exitCode": 1}}


@pytest.mark.parametrize(
    ("pod_view", "expected"),
    [
        (view(waiting("ContainerCreating")), "Pending"),
        (view(RUNNING, waiting("ErrImagePull")), "Pending"),
        (view(RUNNING, ENDED), "Running"),
        (view(ENDED, ENDED), "Succeeded"),
        (view(ENDED, FAILED), "Failed"),
        (view(ENDED, policy="Always"), "Running"),
        (view(ENDED, policy="OnFailure"), "Succeeded"),
        (view(FAILED, policy="OnFailure"), "Running"),
        (view(waiting("CrashLoopBackOff"), policy="Always", last=FAILED), "Running"),
    ],
)
def test_the_phase_follows_from_the_containers(pod_view: PodView, expected: str) -> None:
    """A pod's phase is a function of its containers' states and its restart policy."""
    assert phase(pod_view) == expected


def test_the_readme_lists_every_gap() -> None:
    """The list of differences in README.md is the one that the tests go by."""
    assert readme_list() in README.read_text()


def test_the_runners_image_hands_on_this_machines_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its `install DIR` puts a program there that is the one of PATH, also a second time; other arguments reach it."""
    programs, volume = tmp_path / "programs", tmp_path / "volume"
    for directory in (programs, volume):
        directory.mkdir()
    runner = programs / "kubejobs-runner"
    runner.write_text('#!/bin/sh\necho "runner $*"\n')
    runner.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    runtime = Images({}, tmp_path / "runtimes").find("kubejobs/runner:0.1.0")
    assert runtime is not None
    for _ in range(2):
        subprocess.run([*runtime.entrypoint, "install", str(volume)], check=True, timeout=20)
    for command in ([str(volume / "kubejobs-runner")], [*runtime.entrypoint]):
        done = subprocess.run([*command, "--lines", "--", "x"], capture_output=True, text=True, check=True, timeout=20)
        assert done.stdout == "runner --lines -- x\n"


def test_a_machine_without_a_runner_has_no_image_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that names it then waits in ImagePullBackOff, as for any image without a runtime."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert Images({}, tmp_path / "runtimes").find("kubejobs/runner:0.1.0") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"restarts": 1}, {"created": "09"}, id="more restarts before newer"),
        pytest.param({"created": "09"}, {}, id="newer"),
        pytest.param({"ready": "09"}, {"restarts": 1}, id="ready later before more restarts"),
    ],
)
def test_of_two_ready_pods_which_a_shrink_takes(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Later ready, then more restarts, then newer, as Kubernetes does."""

    def made(name: str, ready: str = "01", created: str = "00", restarts: int = 0) -> dict[str, Any]:
        one = pod(name, ready=f"2026-01-01T00:00:{ready}Z", creationTimestamp=f"2026-01-01T00:00:{created}Z")
        one["status"]["containerStatuses"] = [{"restartCount": restarts}]
        return one

    pods = [made("second", **second), made("first", **first)]
    assert [one["metadata"]["name"] for one in rules.removal_order(pods)] == ["first", "second"]
