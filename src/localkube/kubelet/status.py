"""A pod's status from what its containers are doing: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from localkube.settings import NODE_ADDRESS
from localkube.state.kinds import Object
from localkube.state.objects import now

State = dict[str, Any]
"""One of {"waiting": …}, {"running": …}, {"terminated": …}."""


@dataclass(slots=True)
class ContainerView:
    """What is known of one container."""

    name: str
    image: str
    state: State = field(default_factory=lambda: waiting("ContainerCreating"))
    last_state: State = field(default_factory=dict)
    restart_count: int = 0
    ready: bool = False
    started: bool = False
    container_id: str = ""

    def to_status(self) -> dict[str, Any]:
        """As in `containerStatuses`."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "containerID": self.container_id,
            "state": self.state,
            "lastState": self.last_state,
            "restartCount": self.restart_count,
            "ready": self.ready,
            "started": self.started,
        }

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last run that ended, if it is not running now."""
        ended = self.state.get("terminated") or ("waiting" in self.state and self.last_state.get("terminated"))
        return int(ended["exitCode"]) if ended else None

    @property
    def succeeded(self) -> bool:
        """Whether it has ended with 0."""
        return "terminated" in self.state and self.state["terminated"]["exitCode"] == 0


@dataclass(frozen=True, slots=True)
class PodView:
    """What is known of one pod; `ended` says that no container will run again."""

    restart_policy: str
    init: Sequence[ContainerView]
    main: Sequence[ContainerView]
    address: str
    start_time: str
    ended: bool = False

    @property
    def over(self) -> bool:
        """Whether the pod has ended: its end was told, or no container will be restarted."""
        codes = [one.exit_code for one in self.main]
        all_ended = all("terminated" in one.state for one in self.main)
        for_good = self.restart_policy == "Never" or (self.restart_policy == "OnFailure" and not any(codes))
        return self.ended or (all_ended and for_good)


def waiting(reason: str, message: str = "") -> State:
    """The state of a container that does not run yet, or not now."""
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


def phase(view: PodView) -> str:
    """The pod's phase."""
    if view.over:
        codes = [one.exit_code for one in view.main]
        return "Succeeded" if all(code == 0 for code in codes) and view.main else "Failed"
    if not all(one.succeeded for one in view.init):
        return "Pending"
    never_ran = [one for one in view.main if "waiting" in one.state and not one.last_state]
    return "Pending" if never_ran else "Running"


def merge_status(view: PodView, pod: Object) -> dict[str, Any]:
    """The pod's status with everything that the kubelet knows; conditions of others stay."""
    status = dict(pod.get("status") or {})
    status["phase"] = phase(view)
    status["conditions"] = _conditions(view, status["phase"], status.get("conditions") or [])
    status["containerStatuses"] = [one.to_status() for one in view.main]
    if view.init:
        status["initContainerStatuses"] = [one.to_status() for one in view.init]
    status |= {"hostIP": NODE_ADDRESS, "hostIPs": [{"ip": NODE_ADDRESS}], "startTime": view.start_time}
    if view.address:
        status |= {"podIP": view.address, "podIPs": [{"ip": view.address}]}
    return status


def _conditions(view: PodView, pod_phase: str, present: list[dict[str, Any]]) -> list[dict[str, Any]]:
    initialized = all(one.succeeded for one in view.init)
    unready = [one.name for one in view.main if not one.ready]
    reason, message = "", ""
    if unready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    if pod_phase == "Succeeded":
        reason, message = "PodCompleted", ""
    elif pod_phase == "Failed":
        reason, message = "PodFailed", ""
    ready = not reason
    wanted = [
        ("PodReadyToStartContainers", not view.over, "", ""),
        ("Initialized", initialized, "" if initialized else "ContainersNotInitialized", ""),
        ("Ready", ready, reason, message),
        ("ContainersReady", ready, reason, message),
        ("PodScheduled", True, "", ""),
    ]
    names = {name for name, *_ in wanted}
    kept = [one for one in present if one["type"] not in names]
    return [_condition(*one, present) for one in wanted] + kept


def _condition(name: str, true: bool, reason: str, message: str, present: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: FBT001 -- a row of a table
    value = "True" if true else "False"
    before = next((one for one in present if one["type"] == name), None)
    since = before["lastTransitionTime"] if before and before["status"] == value else now()
    condition = {"type": name, "status": value, "lastProbeTime": None, "lastTransitionTime": since}
    return condition | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})
