"""The status of a Job: counts and conditions, as clients read them."""

from __future__ import annotations

import copy
from typing import Any

from localkube.controllers.job_rules import Ledger, active_pods, terminating_pods
from localkube.state.kinds import Object
from localkube.state.objects import has_condition, now

Status = dict[str, Any]


def renew_status(job: Object, pods: list[Object], ledger: Ledger) -> Status:
    """The Job's status with today's counts; zeros are left out as the real controller does."""
    status: Status = copy.deepcopy(job["status"])
    active = active_pods(pods)
    counts = {"active": len(active), "succeeded": ledger.count("succeeded"), "failed": ledger.count("failed")}
    for name, count in counts.items():
        status.pop(name, None)
        if count:
            status[name] = count
    status["ready"] = sum(1 for pod in active if has_condition(pod, "Ready"))
    status["terminating"] = len(terminating_pods(pods))
    status["uncountedTerminatedPods"] = {}
    if not job["spec"].get("suspend"):
        status.setdefault("startTime", now())
    return status


def _set(status: Status, kind: str, value: str, reason: str, message: str) -> None:
    conditions = status.setdefault("conditions", [])
    present = next((one for one in conditions if one["type"] == kind), None)
    if present is not None and present["status"] == value:
        return
    stamp = now()
    condition = {"type": kind, "status": value, "lastProbeTime": stamp, "lastTransitionTime": stamp}
    condition |= {"reason": reason, "message": message}
    if present is None:
        conditions.append(condition)
    else:
        present.update(condition)


def suspended(status: Status, job: Object) -> None:
    """Note that the Job is suspended, or no longer is."""
    before = has_condition(job, "Suspended")
    if job["spec"].get("suspend"):
        _set(status, "Suspended", "True", "JobSuspended", "Job suspended")
    elif before:
        # A resumed Job's deadline starts anew.
        status["startTime"] = now()
        _set(status, "Suspended", "False", "JobResumed", "Job resumed")


def complete(status: Status, *, final: bool) -> None:
    """Note that the Job has reached its goal; `final` when also its last pod has gone."""
    reason, message = "CompletionsReached", "Reached expected number of succeeded pods"
    _set(status, "SuccessCriteriaMet", "True", reason, message)
    if final:
        _set(status, "Complete", "True", reason, message)
        status.setdefault("completionTime", now())


def failing(status: Status, reason: tuple[str, str] | None, *, final: bool) -> None:
    """Note that the Job has failed; `final` when also its last pod has gone."""
    if reason is not None:
        _set(status, "FailureTarget", "True", *reason)
    if final:
        target = next(one for one in status["conditions"] if one["type"] == "FailureTarget")
        _set(status, "Failed", "True", target["reason"], target["message"])
