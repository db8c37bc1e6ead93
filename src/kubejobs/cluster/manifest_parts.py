"""What every object of a run is made of: metadata, resources, and the restricted pod security standard. Pure."""

from __future__ import annotations

from typing import Any

from kubejobs.naming import COMPONENT_LABEL, RunIdentity
from kubejobs.submission.model import Resources

Manifest = dict[str, Any]

_RUN_ANNOTATION = "kubejobs.io/run-id"
_DAG_ANNOTATION = "kubejobs.io/dag-id"


def metadata_object(
    api_version: str, kind: str, name: str, namespace: str, run: RunIdentity, *, component: str | None = None
) -> Manifest:
    """An object of the run with its labels, and without a specification."""
    labels = dict(run.labels)
    if component:
        labels[COMPONENT_LABEL] = component
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "annotations": {_DAG_ANNOTATION: run.dag_id, _RUN_ANNOTATION: run.run_id},
        },
    }


def resources_of(resources: Resources) -> Manifest:
    """A container's resources; what is not given is left out."""
    return {
        name: dict(values)
        for name, values in (("requests", resources.requests), ("limits", resources.limits))
        if values
    }


def pod_security(user: int) -> Manifest:
    """What the "restricted" pod security standard asks of a pod."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def container_security(*, read_only: bool) -> Manifest:
    """What the "restricted" pod security standard asks of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only,
    }
