"""What the cluster offers, told in the way clients ask for it."""

from __future__ import annotations

import platform
from typing import Any

from localkube.state.kinds import KINDS, Kind

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0+localkube",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "cpython",
    "platform": f"linux/{'arm64' if platform.machine() == 'aarch64' else 'amd64'}",
}


def core_versions() -> dict[str, Any]:
    """The answer to /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def groups() -> dict[str, Any]:
    """The answer to /apis."""
    names = sorted({kind.group for kind in KINDS if kind.group})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in names]}


def group(name: str) -> dict[str, Any] | None:
    """The answer to /apis/NAME."""
    if name not in {kind.group for kind in KINDS if kind.group}:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(name)


def _resource(kind: Kind) -> dict[str, Any]:
    names = {"shortNames": list(kind.short_names)} if kind.short_names else {}
    return {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(kind.verbs),
    } | names


def _subresources(kind: Kind) -> list[dict[str, Any]]:
    common = {"singularName": "", "namespaced": kind.namespaced, "kind": kind.name}
    found = []
    if kind.has_status:
        found.append({"name": f"{kind.plural}/status", "verbs": ["get", "patch", "update"]} | common)
    if kind.plural == "pods":
        found.append({"name": "pods/log", "verbs": ["get"]} | common)
    return found


def resources(group_name: str, version: str) -> dict[str, Any] | None:
    """The answer to /api/v1 and /apis/GROUP/VERSION."""
    kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group_name, version)]
    if not kinds:
        return None
    listed = [entry for kind in kinds for entry in (_resource(kind), *_subresources(kind))]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": kinds[0].api_version,
        "resources": listed,
    }
