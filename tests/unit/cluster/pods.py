"""Pods as either official client gives them, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace as Object
from typing import Any

EPOCH = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def at(seconds: float) -> datetime:
    """A time of Kubernetes, so many seconds after EPOCH."""
    return datetime.fromtimestamp(EPOCH + seconds, UTC)


def condition(kind: str, status: str = "True", reason: str | None = None, message: str | None = None) -> Any:
    """A condition of a pod; its status has held for 5 seconds after EPOCH."""
    return Object(type=kind, status=status, reason=reason, message=message, last_transition_time=at(5))


def ended(code: int, reason: str | None = "Error", message: str | None = None, name: str = "worker") -> Any:
    """The status of a container that has ended."""
    terminated = Object(exit_code=code, reason=reason, message=message)
    return Object(name=name, restart_count=0, state=Object(terminated=terminated))


def running(restarts: int = 0) -> Any:
    """The status of a container that runs."""
    return Object(name="worker", restart_count=restarts, state=Object(terminated=None))


def a_pod(
    phase: str | None = "Running",
    *,
    conditions: tuple[Any, ...] = (),
    containers: tuple[Any, ...] | None = (running(),),
    init: tuple[Any, ...] | None = None,
    deleted: bool = False,
    reason: str | None = None,
    message: str | None = None,
    limit: str | None = None,
    node: str | None = "node-1",
) -> Any:
    """A worker's pod, made at EPOCH."""
    resources = Object(limits={"memory": limit} if limit else None)
    return Object(
        metadata=Object(name="kj-1-abcde", creation_timestamp=at(0), deletion_timestamp=at(9) if deleted else None),
        spec=Object(node_name=node, containers=[Object(name="worker", resources=resources)], init_containers=None),
        status=Object(
            phase=phase,
            reason=reason,
            message=message,
            conditions=list(conditions) or None,
            container_statuses=None if containers is None else list(containers),
            init_container_statuses=None if init is None else list(init),
        ),
    )
