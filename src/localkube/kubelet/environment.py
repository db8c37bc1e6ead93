"""A container's variables, command and paths.

There are neither mount namespaces nor cluster DNS here. So a volume's mountPath, where it begins a path in the command,
in arguments or in values, becomes the volume's real directory; and a Service's DNS name becomes its address.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localkube.kubelet.errors import ContainerConfigError
from localkube.settings import NODE_ADDRESS, NODE_NAME
from localkube.state.kinds import CONFIG_MAPS, SECRETS, SERVICES, Kind, Object
from localkube.state.objects import labels_of, name_of, namespace_of, uid_of
from localkube.state.quantities import parse_quantity
from localkube.state.store import Store

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
_KEYED_FIELD = re.compile(r"^metadata\.(labels|annotations)\['([^']+)'\]$")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` becomes the variable's value if there is one; `$$` is a plain dollar."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(str(match[1]), str(match[0]))

    return _REFERENCE.sub(value, text)


def mount_rewriter(mounts: Mapping[str, Path]) -> Callable[[str], str]:
    """What replaces each mountPath, where it begins a path, by the real directory."""
    if not mounts:
        return lambda text: text
    longest_first = sorted((path.rstrip("/") for path in mounts), key=len, reverse=True)
    real = {path.rstrip("/"): str(directory) for path, directory in mounts.items()}
    pattern = re.compile(rf"(?<![\w./-])({'|'.join(map(re.escape, longest_first))})(?=/|$|[^\w.-])")
    return lambda text: pattern.sub(lambda match: real[match[1]], text)


def name_rewriter(store: Store, namespace: str) -> Callable[[str], str]:
    """What replaces the DNS names of Services by their addresses."""
    addresses: dict[str, str] = {}
    for service in store.list(SERVICES):
        address = service["spec"].get("clusterIP")
        if address and address != "None":
            base = f"{name_of(service)}.{namespace_of(service)}"
            addresses |= {f"{base}.svc.cluster.local": address, f"{base}.svc": address}
    own = {
        name_of(service): str(service["spec"].get("clusterIP", "None")) for service in store.list(SERVICES, namespace)
    }
    pattern = re.compile(r"(?<![\w.-])[a-z][-a-z0-9]*\.[-a-z0-9]+\.svc(?:\.cluster\.local)?(?![\w-]|\.\w)")

    def rewrite(text: str) -> str:
        # A bare name is replaced only where it is the whole value: elsewhere it may be any word.
        whole = own.get(text)
        if whole and whole != "None":
            return whole
        return pattern.sub(lambda match: addresses.get(match[0], match[0]), text)

    return rewrite


def service_variables(store: Store, namespace: str) -> dict[str, str]:
    """`<SVC>_SERVICE_HOST` and `<SVC>_SERVICE_PORT` of every Service of the namespace."""
    variables: dict[str, str] = {}
    for service in store.list(SERVICES, namespace):
        address, ports = service["spec"].get("clusterIP"), service["spec"].get("ports") or []
        if not address or address == "None" or not ports:
            continue
        base = name_of(service).upper().replace("-", "_")
        variables |= {f"{base}_SERVICE_HOST": address, f"{base}_SERVICE_PORT": str(ports[0]["port"])}
        variables[f"{base}_PORT"] = f"{ports[0]['protocol'].lower()}://{address}:{ports[0]['port']}"
        for port in ports:
            if port.get("name"):
                variables[f"{base}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    return variables


class VariableResolver:
    """Values of a container's variables in one pod; ContainerConfigError for one that can't be had."""

    def __init__(self, store: Store, pod: Object, container: dict[str, Any], pod_address: str) -> None:
        self._store = store
        self._pod = pod
        self._container = container
        self._pod_address = pod_address

    def resolve(self, base: dict[str, str]) -> dict[str, str]:
        """All variables: `base`, then envFrom, then env in its order."""
        variables = dict(base)
        for source in self._container.get("envFrom") or []:
            variables |= self._whole(source)
        for entry in self._container.get("env") or []:
            value = self._value(entry, variables)
            if value is not None:
                variables[entry["name"]] = value
        return variables

    def _value(self, entry: dict[str, Any], variables: dict[str, str]) -> str | None:
        source = entry.get("valueFrom")
        if not source:
            return expand(str(entry.get("value") or ""), variables)
        if "fieldRef" in source:
            return self._field(source["fieldRef"]["fieldPath"])
        if "resourceFieldRef" in source:
            return self._resource(source["resourceFieldRef"])
        if "secretKeyRef" in source:
            return self._key(SECRETS, source["secretKeyRef"])
        if "configMapKeyRef" in source:
            return self._key(CONFIG_MAPS, source["configMapKeyRef"])
        raise ContainerConfigError(f"the variable {entry['name']} has an unknown source: {', '.join(source)}")

    def _field(self, path: str) -> str:
        pod, spec = self._pod, self._pod["spec"]
        if match := _KEYED_FIELD.match(path):
            found = labels_of(pod) if match[1] == "labels" else pod["metadata"].get("annotations") or {}
            return str(found.get(match[2], ""))
        known = {
            "metadata.name": name_of(pod),
            "metadata.namespace": namespace_of(pod),
            "metadata.uid": uid_of(pod),
            "spec.nodeName": NODE_NAME,
            "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
            "status.hostIP": NODE_ADDRESS,
            "status.podIP": self._pod_address,
            "status.podIPs": self._pod_address,
        }
        if path not in known:
            raise ContainerConfigError(f"unsupported field path {path}")
        return str(known[path])

    def _resource(self, source: dict[str, Any]) -> str:
        part, _, name = source["resource"].partition(".")
        value = ((self._container.get("resources") or {}).get(part) or {}).get(name, "0")
        divisor = parse_quantity(source.get("divisor") or 1) or 1
        return str(-int(-parse_quantity(value) // divisor))

    def _key(self, kind: Kind, source: dict[str, Any]) -> str | None:
        name, key = source["name"], source["key"]
        found = self._store.find(kind, namespace_of(self._pod), name)
        data = text_data(found) if found else {}
        if key in data:
            return data[key]
        if source.get("optional"):
            return None
        if found is None:
            raise ContainerConfigError(f'{kind.singular} "{name}" not found')
        raise ContainerConfigError(f"couldn't find key {key} in {kind.name} {namespace_of(self._pod)}/{name}")

    def _whole(self, source: dict[str, Any]) -> dict[str, str]:
        kind, reference = (
            (SECRETS, source["secretRef"]) if "secretRef" in source else (CONFIG_MAPS, source["configMapRef"])
        )
        found = self._store.find(kind, namespace_of(self._pod), reference["name"])
        if found is None and not reference.get("optional"):
            raise ContainerConfigError(f'{kind.singular} "{reference["name"]}" not found')
        prefix = source.get("prefix", "")
        return {prefix + key: value for key, value in text_data(found).items()} if found else {}


def raw_data(item: Object) -> dict[str, bytes]:
    """The entries of a Secret or ConfigMap."""
    if item["kind"] == SECRETS.name:
        return {key: base64.b64decode(value) for key, value in (item.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (item.get("binaryData") or {}).items()}
    return {key: str(value).encode() for key, value in (item.get("data") or {}).items()} | binary


def text_data(item: Object) -> dict[str, str]:
    """The same as text."""
    return {key: value.decode(errors="surrogateescape") for key, value in raw_data(item).items()}


def base_variables(
    runtime_path: tuple[str, ...], runtime_env: dict[str, str], hostname: str, home: Path
) -> dict[str, str]:
    """What every container has: nothing of the cluster's own environment but PATH."""
    own_path = os.environ.get("PATH", os.defpath)
    base = {"HOSTNAME": hostname, "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}
    return base | {"PATH": os.pathsep.join([*runtime_path, own_path])} | runtime_env
