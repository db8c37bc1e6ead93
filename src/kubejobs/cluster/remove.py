"""Removing a run: by label and owner, idempotent, and only done when nothing is left.

Rule: the anchor goes first, so that an object that is created while this runs has no living owner and Kubernetes
removes it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubejobs.cluster.client import KINDS, ClusterClient
from kubejobs.errors import ClusterError
from kubejobs.naming import RunIdentity

_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Left:
    """An object of the run that is still there."""

    kind: str
    name: str
    terminating: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.name}{' (terminating)' if self.terminating else ''}"


def objects_of(cluster: ClusterClient, run: RunIdentity, namespace: str) -> list[Left]:
    """Every object that carries the run's label, pods included."""
    return list(_objects(cluster, run, namespace))


def _objects(cluster: ClusterClient, run: RunIdentity, namespace: str) -> Iterator[Left]:
    for kind in KINDS:
        for item in cluster.list(kind.name, namespace, run.selector):
            metadata: Any = item.metadata
            yield Left(kind.name, metadata.name, metadata.deletion_timestamp is not None)


def remove_run(cluster: ClusterClient, run: RunIdentity, namespace: str, wait_seconds: float) -> list[Left]:
    """Delete everything of the run and wait until it is gone.

    Returns what still terminates after `wait_seconds` (pods in their grace period); ClusterError if something is
    left that is not even terminating.
    """
    deadline = time.monotonic() + wait_seconds
    cluster.delete("ConfigMap", run.anchor_name, namespace)
    while left := objects_of(cluster, run, namespace):
        for item in left:
            if not item.terminating:
                cluster.delete(item.kind, item.name, namespace)
        if time.monotonic() > deadline:
            return _only_terminating(objects_of(cluster, run, namespace), run, namespace, wait_seconds)
        time.sleep(_PAUSE_SECONDS)
    return []


def _only_terminating(left: list[Left], run: RunIdentity, namespace: str, wait_seconds: float) -> list[Left]:
    stuck = [item for item in left if not item.terminating]
    if stuck:
        names = ", ".join(map(str, stuck))
        raise ClusterError(
            f"after {wait_seconds:g} s these objects of {run.name} are still in {namespace}: {names}; "
            f"remove them with `kubectl -n {namespace} delete all,configmap,secret,pvc -l {run.selector}`"
        )
    return left
