"""From a request's body to an object of the right kind and shape, before any rule of the kind is looked at."""

from __future__ import annotations

import json
from typing import Any

import yaml

from localkube import errors
from localkube.state.kinds import Kind, Object

_INTEGERS = {
    "jobs": ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"),
    "statefulsets": ("replicas",),
    "pods": ("terminationGracePeriodSeconds", "activeDeadlineSeconds"),
}


def parse(raw: bytes, content_type: str) -> Any:
    """The JSON (or YAML) of a body; ApiError 400 if it is neither."""
    try:
        return yaml.safe_load(raw) if "yaml" in content_type else json.loads(raw)
    except (ValueError, yaml.YAMLError) as problem:
        raise errors.bad_request(f"the body of the request can't be read: {problem}") from problem


def decode(kind: Kind, body: Any, namespace: str, name: str | None = None) -> Object:
    """The object in a body, with the address' namespace and name; ApiError 400 if they contradict each other."""
    if not isinstance(body, dict):
        raise errors.bad_request(f"the body of the request must be an object, not {type(body).__name__}")
    item = {key: value for key, value in body.items() if value is not None}
    _check_type(kind, item)
    metadata = item.get("metadata", {})
    if not isinstance(metadata, dict):
        raise errors.bad_request(f"metadata must be an object, not {type(metadata).__name__}")
    metadata = {key: value for key, value in metadata.items() if value is not None}
    if kind.namespaced and metadata.get("namespace") not in (None, "", namespace):
        raise errors.bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request: "
            f"{metadata['namespace']} is not {namespace}"
        )
    if name is not None and metadata.get("name") not in (None, name):
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        )
    if kind.namespaced:
        metadata["namespace"] = namespace
    if name is not None:
        metadata["name"] = name
    item["metadata"] = metadata
    check_shape(kind, item)
    return {key: without_nulls(value) for key, value in item.items()}


def _check_type(kind: Kind, item: Object) -> None:
    for field, wanted in (("kind", kind.name), ("apiVersion", kind.api_version)):
        if item.get(field) not in (None, "", wanted):
            raise errors.bad_request(
                f"{field} in the data ({item[field]}) does not match the expected {field} ({wanted})"
            )
    item["kind"], item["apiVersion"] = kind.name, kind.api_version


def check_shape(kind: Kind, item: Object) -> None:
    """ApiError 400 for values of a wrong type in the fields that this cluster computes with."""
    spec = item.get("spec")
    if spec is None:
        return
    if not isinstance(spec, dict):
        raise errors.bad_request(f"spec must be an object, not {type(spec).__name__}")
    for field in _INTEGERS.get(kind.plural, ()):
        value = spec.get(field)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise errors.bad_request(
                f"{kind.name} in version {kind.version!r} cannot be handled as a {kind.name}: json: cannot unmarshal "
                f"{type(value).__name__} into field spec.{field} of type int32"
            )


def without_nulls(value: Any) -> Any:
    """The same without null members, which mean "not given"."""
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(member) for member in value]
    return value
