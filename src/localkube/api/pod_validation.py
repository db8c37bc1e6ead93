"""Whether a pod's specification makes sense: containers, environment, volumes, resources."""

from __future__ import annotations

import re
from typing import Any

from localkube.errors import Cause
from localkube.state.quantities import parse_quantity

_CONTAINER_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_VARIABLE_NAME = re.compile(r"^[^\s=\x00]+$")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")


def pod_spec_causes(path: str, spec: dict[str, Any]) -> list[Cause]:
    """Everything that is wrong with the specification at `path`."""
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(Cause.required(f"{path}.containers"))
    if spec.get("restartPolicy") not in _RESTART_POLICIES:
        supported = ", ".join(f'"{policy}"' for policy in _RESTART_POLICIES)
        message = f'Unsupported value: "{spec.get("restartPolicy")}": supported values: {supported}'
        causes.append(Cause(f"{path}.restartPolicy", message, "FieldValueNotSupported"))
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    names: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            place = f"{path}.{field}[{index}]"
            causes += _container_causes(place, container, volumes)
            if container.get("name") in names:
                message = f'Duplicate value: "{container["name"]}"'
                causes.append(Cause(f"{place}.name", message, "FieldValueDuplicate"))
            names.add(container.get("name"))
    return causes


def _container_causes(path: str, container: dict[str, Any], volumes: set[Any]) -> list[Cause]:
    causes: list[Cause] = []
    name = container.get("name")
    if not name:
        causes.append(Cause.required(f"{path}.name"))
    elif not _CONTAINER_NAME.match(name):
        causes.append(Cause.invalid(f"{path}.name", name, "a lowercase RFC 1123 label is needed"))
    if not container.get("image"):
        causes.append(Cause.required(f"{path}.image"))
    causes += _environment_causes(path, container.get("env") or [])
    for index, mount in enumerate(container.get("volumeMounts") or []):
        place = f"{path}.volumeMounts[{index}]"
        if not mount.get("mountPath"):
            causes.append(Cause.required(f"{place}.mountPath"))
        if mount.get("name") not in volumes:
            causes.append(Cause(f"{place}.name", f'Not found: "{mount.get("name")}"', "FieldValueNotFound"))
    return causes + _resource_causes(f"{path}.resources", container.get("resources") or {})


def _environment_causes(path: str, variables: list[dict[str, Any]]) -> list[Cause]:
    causes = []
    for index, variable in enumerate(variables):
        place = f"{path}.env[{index}]"
        if not variable.get("name"):
            causes.append(Cause.required(f"{place}.name"))
        elif not _VARIABLE_NAME.match(variable["name"]):
            causes.append(Cause.invalid(f"{place}.name", variable["name"], "not the name of a variable"))
        if variable.get("value") and variable.get("valueFrom"):
            causes.append(Cause.invalid(f"{place}.valueFrom", "", "may not be specified when `value` is not empty"))
    return causes


def _resource_causes(path: str, resources: dict[str, Any]) -> list[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    causes = []
    for part, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            try:
                parse_quantity(value)
            except ValueError as problem:
                causes.append(Cause.invalid(f"{path}.{part}[{name}]", value, str(problem)))
    if causes:
        return causes
    for name, value in requests.items():
        if name in limits and parse_quantity(value) > parse_quantity(limits[name]):
            message = f"must be less than or equal to {name} limit of {limits[name]}"
            causes.append(Cause.invalid(f"{path}.requests", value, message))
    return causes
