"""What one control loop works with; put together once, shared by its terms."""

from __future__ import annotations

from dataclasses import dataclass

from kubejobs.clock import Clock
from kubejobs.control.actuators.actuator import Actuator
from kubejobs.control.plan import Plan
from kubejobs.control.ports import ClusterPort, QueuePort
from kubejobs.control.progress import ProgressPublisher
from kubejobs.control.timing import ControlTimings
from kubejobs.scaling.limits import Guards
from kubejobs.scaling.policy import Policy


@dataclass(frozen=True, slots=True)
class Parts:
    """The run's plan, its two sides, and what decides, acts and shows; the two sides answer within a time limit."""

    plan: Plan
    clock: Clock
    queue: QueuePort
    cluster: ClusterPort
    policy: Policy
    guards: Guards
    actuator: Actuator
    timings: ControlTimings
    progress: ProgressPublisher

    @property
    def name(self) -> str:
        """The run's short name, for the log."""
        return self.plan.identity.name
