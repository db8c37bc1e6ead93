"""Observations for the tests of policies."""

from __future__ import annotations

from kubejobs.scaling.types import Observation


def observation(
    *,
    done: int = 0,
    elapsed: float = 0.0,
    replicas: int = 3,
    total: int = 100,
    expected: float = 100.0,
    failed: int = 0,
    dead: int = 0,
    leased: int = 0,
    succeeded: int = 0,
    unschedulable: int = 0,
) -> Observation:
    """A run of `total` items in which what is not said to be elsewhere is queued and all replicas are ready."""
    return Observation(
        elapsed_seconds=elapsed,
        expected_seconds=expected,
        total=total,
        queued=total - done - failed - dead - leased,
        leased=leased,
        done=done,
        failed=failed,
        dead=dead,
        desired_replicas=replicas,
        ready_replicas=replicas - unschedulable,
        pending_replicas=unschedulable,
        terminating_replicas=0,
        succeeded_pods=succeeded,
        unschedulable_pods=unschedulable,
    )
