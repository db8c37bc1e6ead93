"""A Job's pods → what control needs to know of each, and which of them Kubernetes would remove first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kubejobs.workqueue.types import WorkerExit


@dataclass(frozen=True, slots=True)
class WorkerPod:
    """One pod of the Job.

    `running`: its container was started and has not ended. `exit` is set once it has ended: None until then, and for a
    pod that ended with 0. Times are seconds since the epoch by Kubernetes' clock.
    """

    name: str
    phase: str
    assigned: bool
    ready: bool
    terminating: bool
    created_at: float
    ready_at: float | None = None
    restarts: int = 0
    exit: WorkerExit | None = None

    @property
    def active(self) -> bool:
        """Whether the Job counts it as one of its running workers."""
        return self.phase in {"Pending", "Running"} and not self.terminating
