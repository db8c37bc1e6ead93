"""The kinds of objects that the cluster offers: exactly what the project uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as JSON. Objects in the store are never changed in place."""

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: how its address and its objects look."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    has_status: bool = False
    verbs: tuple[str, ...] = WRITE
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """Its name for discovery."""
        return self.name.lower()


NAMESPACES = Kind("", "v1", "namespaces", "Namespace", namespaced=False, has_status=True, short_names=("ns",))
CONFIG_MAPS = Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",))
SECRETS = Kind("", "v1", "secrets", "Secret")
SERVICES = Kind("", "v1", "services", "Service", has_status=True, short_names=("svc",))
CLAIMS = Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", has_status=True, short_names=("pvc",))
PODS = Kind("", "v1", "pods", "Pod", has_status=True, short_names=("po",))
EVENTS = Kind("", "v1", "events", "Event", short_names=("ev",))
SERVICE_ACCOUNTS = Kind("", "v1", "serviceaccounts", "ServiceAccount", verbs=READ, short_names=("sa",))
JOBS = Kind("batch", "v1", "jobs", "Job", has_status=True)
STATEFUL_SETS = Kind("apps", "v1", "statefulsets", "StatefulSet", has_status=True, short_names=("sts",))

KINDS = (
    NAMESPACES,
    CONFIG_MAPS,
    SECRETS,
    SERVICES,
    CLAIMS,
    PODS,
    EVENTS,
    SERVICE_ACCOUNTS,
    JOBS,
    STATEFUL_SETS,
)
BY_PLURAL = {kind.plural: kind for kind in KINDS}


def find(group: str, version: str, plural: str) -> Kind | None:
    """The kind at an address, or None."""
    kind = BY_PLURAL.get(plural)
    return kind if kind and (kind.group, kind.version) == (group, version) else None
