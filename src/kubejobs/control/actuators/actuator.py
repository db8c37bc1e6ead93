"""The interface of an actuator."""

from __future__ import annotations

from typing import Protocol

from kubejobs.control.ports import ClusterPort, JobStatus
from kubejobs.scaling.types import Reason


class Actuator(Protocol):
    """Carries out one change of the number of workers; asking twice for the same is harmless."""

    @property
    def held_by(self) -> Reason | None:
        """Why this actuator never acts; None for one that does."""
        ...

    async def scale(self, cluster: ClusterPort, job: JobStatus, replicas: int) -> None:
        """Make it `replicas` workers, if the Job is still as it was read; raises the cluster's errors."""
        ...
