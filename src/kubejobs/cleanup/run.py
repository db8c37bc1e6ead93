"""Removing one run, or keeping its objects for their lifetime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kubejobs.cluster.client import ClusterClient, read_queue_address
from kubejobs.cluster.manifests import EXPIRES_ANNOTATION
from kubejobs.cluster.remove import remove_run
from kubejobs.errors import QueueError
from kubejobs.naming import RunIdentity
from kubejobs.workqueue.client import WorkQueue

Log = Callable[[str], None]


def clean_up(cluster: ClusterClient, run: RunIdentity, namespace: str, wait_seconds: float, log: Log) -> None:
    """Remove everything of the run from the cluster and from a shared Redis; ClusterError if something is left."""
    _forget_shared_keys(cluster, run, namespace, log)
    left = remove_run(cluster, run, namespace, wait_seconds)
    if left:
        names = ", ".join(map(str, left))
        log(f"after {wait_seconds:g} s these objects are still terminating and go by themselves: {names}")
    else:
        log(f"nothing of {run.name} is left in {namespace}")


def _forget_shared_keys(cluster: ClusterClient, run: RunIdentity, namespace: str, log: Log) -> None:
    """Delete the run's keys from a shared Redis; a private one goes with its pod."""
    address = read_queue_address(cluster, run, namespace)
    if address is None or not address.prefix:
        return
    try:
        with WorkQueue(address) as queue:
            log(f"{queue.delete_run()} keys deleted from the shared Redis at {address.host}:{address.port}")
    except QueueError as error:
        log(f"keys {address.prefix}* may be left in the shared Redis: {error}")


def keep(cluster: ClusterClient, run: RunIdentity, namespace: str, lifetime_seconds: int, log: Log) -> datetime | None:
    """Leave the run's objects until their lifetime is over; when that is, or None if there is nothing to keep."""
    if cluster.find("ConfigMap", run.anchor_name, namespace) is None:
        return None
    expires_at = datetime.now(UTC) + timedelta(seconds=lifetime_seconds)
    stamp = expires_at.isoformat(timespec="seconds")
    cluster.annotate("ConfigMap", run.anchor_name, namespace, {EXPIRES_ANNOTATION: stamp})
    log(f"the objects of {run.name} are kept in {namespace} until {stamp}; then the janitor removes them")
    return expires_at
