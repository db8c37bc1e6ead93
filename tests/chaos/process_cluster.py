"""A run's Job for the control loop whose pods are real worker processes.

Rule: as Kubernetes does it: a worker that ended with an error is replaced, and once one has ended with 0 none is
started; lowering the parallelism sends SIGTERM to the newest.
"""

from __future__ import annotations

import signal

from chaos.fleet import Fleet, Worker
from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.control.ports import JobStatus


class ProcessCluster:
    """A ClusterPort over a Fleet."""

    def __init__(self, fleet: Fleet, parallelism: int) -> None:
        self._fleet = fleet
        self._parallelism = parallelism
        self._version = 1
        self._removed: set[str] = set()

    async def read_job(self) -> JobStatus:
        """As ClusterPort.read_job."""
        self._reconcile()
        ended = [worker.process.returncode for worker in self._fleet.workers if not worker.running]
        active = len(self._active())
        succeeded = ended.count(0)
        return JobStatus(
            parallelism=self._parallelism,
            active=active,
            ready=active,
            terminating=len(self._fleet.running()) - active,
            succeeded=succeeded,
            failed=len(ended) - succeeded,
            complete=bool(succeeded) and not active,
            resource_version=str(self._version),
        )

    async def read_pods(self) -> tuple[WorkerPod, ...]:
        """As ClusterPort.read_pods; only what runs."""
        return tuple(
            WorkerPod(
                name=worker.name,
                phase="Running",
                assigned=True,
                ready=True,
                terminating=worker.name in self._removed,
                created_at=0.0,
            )
            for worker in self._fleet.running()
        )

    async def set_parallelism(self, replicas: int, resource_version: str) -> None:
        """As ClusterPort.set_parallelism; nobody else changes this Job."""
        self._parallelism = replicas
        self._version += 1
        self._reconcile()

    def _active(self) -> list[Worker]:
        return [worker for worker in self._fleet.running() if worker.name not in self._removed]

    def _reconcile(self) -> None:
        active = self._active()
        for worker in active[self._parallelism :]:
            self._removed.add(worker.name)
            worker.process.send_signal(signal.SIGTERM)
        if any(worker.process.returncode == 0 for worker in self._fleet.workers):
            return
        for _ in range(self._parallelism - len(active)):
            self._fleet.start()
