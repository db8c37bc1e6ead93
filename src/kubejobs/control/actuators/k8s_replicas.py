"""The actuator `k8s_replicas`: the Job's `spec.parallelism`."""

from __future__ import annotations

from kubejobs.control.ports import ClusterPort, JobStatus
from kubejobs.scaling.types import Reason


class KubernetesReplicas:
    """Patches the Job that was read; if it changed meanwhile the patch is refused and the next turn decides anew."""

    @property
    def held_by(self) -> Reason | None:
        """Nothing holds it."""
        return None

    async def scale(self, cluster: ClusterPort, job: JobStatus, replicas: int) -> None:
        """Ask Kubernetes for `replicas` pods."""
        await cluster.set_parallelism(replicas, job.resource_version)
