"""What the Job controller decides, as pure functions of a Job, its pods and its ledger.

The rules are those of Kubernetes 1.34: a Job without `completions` starts no pod after the first success; a shrink
removes pending pods first, then not-ready ones, then those that became ready last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from localkube.state.kinds import Object
from localkube.state.objects import condition, has_condition, is_deleting, name_of, namespace_of, parse_time

BACK_OFF_LIMIT_SECONDS = 600.0
_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}

Outcome = Literal["succeeded", "failed", "ignored", "removed"]


@dataclass(slots=True)
class Ledger:
    """How the pods of one Job ended; it outlives them, as the counts of a Job do."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failures_in_a_row: int = 0
    last_failure_at: float = 0.0
    failed_by_policy: str | None = None

    def count(self, outcome: Outcome) -> int:
        """How many pods ended so."""
        return sum(1 for one in self.outcomes.values() if one == outcome)

    def note(self, uid: str, outcome: Outcome, at: float) -> None:
        """A pod has ended; only the first outcome of a pod counts."""
        if uid in self.outcomes:
            return
        self.outcomes[uid] = outcome
        if outcome == "succeeded":
            self.failures_in_a_row = 0
        elif outcome == "failed":
            self.failures_in_a_row += 1
            self.last_failure_at = at

    def back_off_seconds(self, base_seconds: float, at: float) -> float:
        """How long no pod may be created yet."""
        if not self.failures_in_a_row:
            return 0.0
        pause = min(base_seconds * 2.0 ** (self.failures_in_a_row - 1), BACK_OFF_LIMIT_SECONDS)
        return max(self.last_failure_at + pause - at, 0.0)


def is_terminal(pod: Object) -> bool:
    """Whether the pod has ended."""
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def active_pods(pods: list[Object]) -> list[Object]:
    """Pods that have not ended and are not asked to."""
    return [pod for pod in pods if not is_terminal(pod) and not is_deleting(pod)]


def terminating_pods(pods: list[Object]) -> list[Object]:
    """Pods that are asked to end and have not."""
    return [pod for pod in pods if not is_terminal(pod) and is_deleting(pod)]


def finished(job: Object) -> bool:
    """Whether the Job has its last condition."""
    return has_condition(job, "Complete") or has_condition(job, "Failed")


def outcome_of(job: Object, pod: Object, *, gone: bool) -> tuple[Outcome | None, str]:
    """How a pod ended, None if it has not; and the message of a rule that makes the whole Job fail, or ""."""
    phase = pod["status"].get("phase")
    if phase == "Succeeded":
        return "succeeded", ""
    if phase == "Failed":
        action, message = failure_action(job["spec"].get("podFailurePolicy") or {}, pod)
        return ("ignored" if action == "Ignore" else "failed"), message if action == "FailJob" else ""
    replaced_early = job["spec"].get("podReplacementPolicy") != "Failed"
    if gone or (is_deleting(pod) and replaced_early):
        return "failed", ""
    return None, ""


def failure_action(policy: dict[str, Any], pod: Object) -> tuple[str, str]:
    """The action of the first rule that matches a failed pod (Count if none does), and what matched."""
    for index, rule in enumerate(policy.get("rules") or []):
        matched = _match_exit_codes(rule, pod) or _match_conditions(rule, pod)
        if matched:
            return str(rule["action"]), f"{matched} matching {rule['action']} rule at index {index}"
    return "Count", ""


def _match_exit_codes(rule: dict[str, Any], pod: Object) -> str:
    wanted = rule.get("onExitCodes")
    if not wanted:
        return ""
    status = pod["status"]
    for one in [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]:
        code = ((one.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if not code or wanted.get("containerName") not in (None, one["name"]):
            continue
        if (code in wanted["values"]) == (wanted["operator"] == "In"):
            return f"Container {one['name']} for pod {namespace_of(pod)}/{name_of(pod)} failed with exit code {code}"
    return ""


def _match_conditions(rule: dict[str, Any], pod: Object) -> str:
    for pattern in rule.get("onPodConditions") or []:
        found = condition(pod, pattern["type"])
        if found and found["status"] == pattern.get("status", "True"):
            return f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {pattern['type']}"
    return ""


def wanted_active(spec: dict[str, Any], succeeded: int, active: int) -> int:
    """How many pods should be active now."""
    parallelism = int(spec["parallelism"])
    if spec.get("completions") is None:
        return active if succeeded else parallelism
    return max(min(int(spec["completions"]) - succeeded, parallelism), 0)


def is_complete(spec: dict[str, Any], succeeded: int, active: int) -> bool:
    """Whether the Job has reached its goal."""
    goal = 1 if spec.get("completions") is None else int(spec["completions"])
    return succeeded >= goal and active == 0


def failure_reason(job: Object, ledger: Ledger, active: list[Object], at: float) -> tuple[str, str] | None:
    """Why the Job has failed, as reason and message; None if it has not."""
    spec = job["spec"]
    if ledger.failed_by_policy:
        return "PodFailurePolicy", ledger.failed_by_policy
    restarts = 0
    if spec["template"]["spec"]["restartPolicy"] == "OnFailure":
        statuses = [one for pod in active for one in pod["status"].get("containerStatuses") or []]
        restarts = sum(one["restartCount"] for one in statuses)
    limit = int(spec["backoffLimit"])
    if ledger.count("failed") > limit or (restarts and restarts >= max(limit, 1)):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    left = deadline_left_seconds(job, at)
    if left is not None and left <= 0:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    return None


def deadline_left_seconds(job: Object, at: float) -> float | None:
    """Seconds until the Job's activeDeadlineSeconds are over; None without one."""
    limit, start = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
    if limit is None or start is None or job["spec"].get("suspend"):
        return None
    return parse_time(start) + float(limit) - at


def removal_order(pods: list[Object]) -> list[Object]:
    """Active pods, those that a shrink removes first at the front."""

    def rank(pod: Object) -> tuple[float, ...]:
        ready = condition(pod, "Ready")
        is_ready = bool(ready and ready["status"] == "True")
        ready_since = parse_time(ready["lastTransitionTime"]) if ready and is_ready else 0.0
        restarts = max((one["restartCount"] for one in pod["status"].get("containerStatuses") or []), default=0)
        return (
            1.0 if pod["spec"].get("nodeName") else 0.0,
            _PHASE_RANK.get(pod["status"].get("phase", ""), 1),
            1.0 if is_ready else 0.0,
            -ready_since,
            -restarts,
            -parse_time(pod["metadata"]["creationTimestamp"]),
            # Times are whole seconds; the store's order tells which of two came later.
            -int(pod["metadata"].get("resourceVersion", 0)),
        )

    return sorted(pods, key=rank)
