"""The actuator `nop`: decisions are recorded and not carried out."""

from __future__ import annotations

from kubejobs.control.ports import ClusterPort, JobStatus
from kubejobs.scaling.types import Reason


class Nop:
    """For trying a policy beside a run whose workers somebody else scales."""

    @property
    def held_by(self) -> Reason | None:
        """Always this actuator."""
        return Reason.NOP_ACTUATOR

    async def scale(self, cluster: ClusterPort, job: JobStatus, replicas: int) -> None:
        """Change nothing."""
