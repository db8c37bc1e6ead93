"""Deterministic names: one Airflow run is one short name, and every object of the run is found by it.

Rule: nothing here reads a clock or draws a random number; the same run always gets the same names.
Standard library only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

RUN_LABEL = "kubejobs.io/run"
COMPONENT_LABEL = "kubejobs.io/component"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "kubejobs"
WORKER = "worker"
QUEUE = "queue"

_HASH_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """One submission: the Airflow run it belongs to and the names that follow from it."""

    dag_id: str
    run_id: str

    @property
    def name(self) -> str:
        """The run's short name, a DNS label: `kj-` and 12 hexadecimal digits of the run's SHA-256."""
        digest = hashlib.sha256(f"{self.dag_id}\n{self.run_id}".encode()).hexdigest()
        return f"kj-{digest[:_HASH_CHARACTERS]}"

    @property
    def queue_name(self) -> str:
        """Name of the queue's StatefulSet, Service and Secret."""
        return f"{self.name}-queue"

    @property
    def job_name(self) -> str:
        """Name of the Kubernetes Job of workers."""
        return self.name

    @property
    def anchor_name(self) -> str:
        """Name of the ConfigMap that owns every other object of the run."""
        return f"{self.name}-run"

    @property
    def key_prefix(self) -> str:
        """Prefix of the run's keys in a shared Redis; a private queue has none."""
        return f"kubejobs:{self.name}:"

    @property
    def selector(self) -> str:
        """Label selector that finds every object of the run."""
        return f"{RUN_LABEL}={self.name}"

    @property
    def labels(self) -> dict[str, str]:
        """Labels that every object and pod of the run carries."""
        return {RUN_LABEL: self.name, MANAGED_BY_LABEL: MANAGED_BY}
