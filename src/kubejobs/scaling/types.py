"""What a policy sees and what it says.

Counts are of items unless the name says replicas or pods; times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kubejobs.durations import DurationSketch


class Reason(StrEnum):
    """Why a decision is what it is; stable codes for logs, journal, report and alerts."""

    ON_TIME = "OnTime"
    BEHIND_DEADLINE = "BehindDeadline"
    AHEAD_OF_DEADLINE = "AheadOfDeadline"
    WITHIN_TRIGGERS = "WithinTriggers"
    AT_MAXIMUM = "AtMaximum"
    AT_MINIMUM = "AtMinimum"
    PID_ACTION = "PidAction"
    PID_HELD = "PidHeld"
    RATE_UNKNOWN = "RateUnknown"
    DEADLINE_ON_COURSE = "DeadlineOnCourse"
    DEADLINE_AT_RISK = "DeadlineAtRisk"
    DEADLINE_SAFE = "DeadlineSafe"
    DEADLINE_UNREACHABLE = "DeadlineUnreachable"
    LAST_ITEMS = "LastItems"
    CAPACITY_LIMITED = "CapacityLimited"
    QUEUE_UNREADABLE = "QueueUnreadable"
    CLUSTER_UNREADABLE = "ClusterUnreadable"
    NOTHING_QUEUED = "NothingQueued"
    WORKERS_FINISHING = "WorkersFinishing"
    NOP_ACTUATOR = "NopActuator"


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at the queue and the Job.

    `total` is the sum of the other item counts. `queued` includes what waits for a retry.
    `elapsed_seconds` runs from the start of the run's clock by the queue server's time. `desired_replicas` is what was
    decided last, also while workers that are to go finish their items. `closed`: no more items will come. `durations`
    of the items that the client library's workers have ended.
    """

    elapsed_seconds: float
    expected_seconds: float
    total: int
    queued: int
    leased: int
    done: int
    failed: int
    dead: int
    desired_replicas: int
    ready_replicas: int
    pending_replicas: int
    terminating_replicas: int
    succeeded_pods: int = 0
    failed_pods: int = 0
    unschedulable_pods: int = 0
    closed: bool = True
    durations: DurationSketch = field(default_factory=DurationSketch)

    @property
    def progress(self) -> float:
        """Share of the items that are neither queued nor leased; 1 for an empty workload."""
        return (self.total - (self.queued + self.leased)) / self.total if self.total else 1.0

    @property
    def reference(self) -> float:
        """Share of the expected time that has passed (over 1 when late)."""
        return self.elapsed_seconds / self.expected_seconds

    @property
    def error(self) -> float:
        """Progress less reference: positive when ahead, negative when behind."""
        return self.progress - self.reference


@dataclass(frozen=True, slots=True)
class Decision:
    """How many replicas there should be, the reason's code, and a sentence with the numbers."""

    replicas: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What a policy remembers between two decisions; JSON-compatible values only, as it is stored in the queue."""

    values: dict[str, Any] = field(default_factory=dict)
