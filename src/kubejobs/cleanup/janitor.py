"""Finding runs whose objects nobody will remove: expired ones, and those that Airflow has lost or finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kubejobs.cleanup.run import Log, clean_up
from kubejobs.cluster.client import ClusterClient
from kubejobs.cluster.manifests import EXPIRES_ANNOTATION
from kubejobs.errors import KubeJobsError
from kubejobs.naming import MANAGED_BY, MANAGED_BY_LABEL, RUN_LABEL, RunIdentity

IsOver = Callable[[RunIdentity], bool]
"""Whether Airflow knows no such run, or has finished it."""

# A run's own cleanup gets this long before the janitor takes its run for lost.
GRACE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A run to be removed, and why."""

    run: RunIdentity
    reason: str


def leftovers(cluster: ClusterClient, namespace: str, now: datetime, is_over: IsOver) -> Iterator[Leftover]:
    """Every run in the namespace that is expired, or over and older than the grace."""
    for anchor in cluster.list("ConfigMap", namespace, f"{MANAGED_BY_LABEL}={MANAGED_BY},{RUN_LABEL}"):
        run = _identity(anchor)
        reason = None if run is None else _reason(anchor, run, now, is_over)
        if run is not None and reason is not None:
            yield Leftover(run, reason)


def _identity(anchor: Any) -> RunIdentity | None:
    data = anchor.data or {}
    if "dag_id" not in data or "run_id" not in data:
        return None
    run = RunIdentity(data["dag_id"], data["run_id"])
    return run if anchor.metadata.name == run.anchor_name else None


def _reason(anchor: Any, run: RunIdentity, now: datetime, is_over: IsOver) -> str | None:
    expires = _expiry(anchor)
    if expires is not None:
        return f"its lifetime ended at {expires.isoformat()}" if expires <= now else None
    if anchor.metadata.creation_timestamp + GRACE > now or not is_over(run):
        return None
    return "Airflow has no such run that is still going on"


def _expiry(anchor: Any) -> datetime | None:
    """When the run's lifetime ends; None without one, and for a stamp that somebody has spoilt."""
    try:
        expires = datetime.fromisoformat((anchor.metadata.annotations or {}).get(EXPIRES_ANNOTATION, ""))
    except ValueError:
        return None
    return expires if expires.tzinfo is not None else None


def sweep(
    cluster: ClusterClient, namespace: str, now: datetime, is_over: IsOver, wait_seconds: float, log: Log
) -> list[Leftover]:
    """Remove every leftover run of the namespace; what could not be removed is logged and met again next time."""
    removed = []
    for leftover in leftovers(cluster, namespace, now, is_over):
        log(f"removing {leftover.run.name} ({leftover.run.run_id}): {leftover.reason}")
        try:
            clean_up(cluster, leftover.run, namespace, wait_seconds, log)
        except KubeJobsError as error:
            log(f"{leftover.run.name} could not be removed: {error}")
        else:
            removed.append(leftover)
    return removed
