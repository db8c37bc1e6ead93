"""What the control loop needs of a queue and of a cluster, and nothing more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from kubejobs.cluster.job_status import JobStatus
from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.workqueue.types import DrainStatus, QueueSnapshot, Signal, WorkerExit


class ClusterPort(Protocol):
    """The run's Job. Calls raise ObjectGoneError, ObjectConflictError, ClusterUnavailableError or ClusterError."""

    async def read_job(self) -> JobStatus:
        """The Job as it stands; ObjectGoneError if it was deleted or is being deleted."""
        ...

    async def read_pods(self) -> tuple[WorkerPod, ...]:
        """The Job's pods, the finished ones that Kubernetes still knows included."""
        ...

    async def set_parallelism(self, replicas: int, resource_version: str) -> None:
        """Ask for `replicas` pods; ObjectConflictError if the Job changed since `resource_version`."""
        ...


class QueuePort(Protocol):
    """The run's queue. Calls raise QueueUnavailableError or QueueLostError; writes with a token LeadershipLostError."""

    async def snapshot(self) -> QueueSnapshot:
        """Counts, signal and times in one consistent look."""
        ...

    async def recover_expired(
        self, limit: int = 1000, *, live_workers: int | None = None, failed_workers: int = 0
    ) -> int:
        """Put back items whose lease has expired; returns how many.

        `live_workers` is how many pods there are: items of the open contract beyond that number have lost theirs, and
        those without a live lease key are put back at once; as attempts count as many of them as `failed_workers`,
        the pods that have failed since the start, not those that were removed.
        """
        ...

    async def request_drain(
        self, wanted: int, live: Collection[str], others: Collection[str] | None = None
    ) -> DrainStatus:
        """Let `wanted` of the workers named in `live` be asked to lease no more, or be idle after that; 0: none.

        Whichever comes first to the end of its item obeys. A smaller number than before lets idle ones go on.
        `others` are the workers that go on. A drained worker that is named in neither has lost its pod and gets no item
        any more; with None nothing is known of the others, and all go on.
        """
        ...

    async def lease_holders(self) -> tuple[str, ...]:
        """Names of the workers that hold a lease of the client library."""
        ...

    async def record_exits(self, exits: Mapping[str, WorkerExit]) -> int:
        """Note how these workers ended and put back what they held, at once; returns how many items."""
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


__all__ = ["ClusterPort", "JobStatus", "QueuePort", "WorkerPod"]
