"""What the control loop needs of a queue and of a cluster, and nothing more."""

from __future__ import annotations

from typing import Any, Protocol

from kubejobs.cluster.job_status import JobStatus
from kubejobs.workqueue.types import QueueSnapshot, Signal


class ClusterPort(Protocol):
    """The run's Job. Calls raise ObjectGoneError, ObjectConflictError, ClusterUnavailableError or ClusterError."""

    async def read_job(self) -> JobStatus:
        """The Job as it stands; ObjectGoneError if it was deleted or is being deleted."""
        ...

    async def set_parallelism(self, replicas: int, resource_version: str) -> None:
        """Ask for `replicas` pods; ObjectConflictError if the Job changed since `resource_version`."""
        ...


class QueuePort(Protocol):
    """The run's queue. Calls raise QueueUnavailableError or QueueLostError; writes with a token LeadershipLostError."""

    async def snapshot(self) -> QueueSnapshot:
        """Counts, signal and times in one consistent look."""
        ...

    async def recover_expired(self, limit: int = 1000) -> int:
        """Put back items whose lease has expired; returns how many."""
        ...

    async def hold_queued(self) -> int:
        """Take every queued and delayed item out of the queue (a stop); returns how many are held."""
        ...

    async def acquire_leadership(self, owner: str, ttl_seconds: float) -> int | None:
        """Become the run's only control loop for `ttl_seconds`; a fencing token, growing, or None while another leads.

        The same owner gets its lock again (with a new token), so that a restarted trigger goes on at once.
        """
        ...

    async def renew_leadership(self, token: int, ttl_seconds: float) -> None:
        """Lead for `ttl_seconds` more; LeadershipLostError if another took over."""
        ...

    async def release_leadership(self, token: int) -> None:
        """Stop leading; nothing happens if another leads already."""
        ...

    async def load_state(self) -> dict[str, Any] | None:
        """What `save_turn` stored last."""
        ...

    async def save_turn(self, token: int, line: dict[str, Any], state: dict[str, Any]) -> None:
        """Append one line to the journal and store the loop's state, in one atomic step, if `token` still leads."""
        ...

    async def signal_run(self, signal: Signal) -> None:
        """Ask the run to stop or to terminate."""
        ...


__all__ = ["ClusterPort", "JobStatus", "QueuePort"]
