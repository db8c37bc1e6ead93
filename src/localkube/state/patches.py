"""The three kinds of patches: merge (RFC 7386), JSON (RFC 6902) and Kubernetes' strategic merge.

Rule: pure functions; the document that is patched stays as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from localkube import errors

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "ports": ("containerPort", "port"),
}
"""Lists whose elements a strategic merge matches by a key; every other list is replaced as a whole."""

_UNION_LISTS = {"finalizers"}
_DELETE_PREFIX = "$deleteFromPrimitiveList/"
_DIRECTIVES = ("$setElementOrder/", "$retainKeys", _DELETE_PREFIX)


def merge(document: Any, patch: Any) -> Any:
    """A JSON merge patch: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic_merge(document: Any, patch: Any) -> Any:
    """A strategic merge patch: as a merge patch, but lists with a merge key are merged element by element."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if key.startswith(_DELETE_PREFIX):
            field = key.removeprefix(_DELETE_PREFIX)
            result[field] = [element for element in result.get(field) or [] if element not in value]
        elif key.startswith(_DIRECTIVES):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merge_list(key, result.get(key) or [], value)
        else:
            result[key] = strategic_merge(result.get(key), value)
    return result


def _merge_list(field: str, present: list[Any], patch: list[Any]) -> list[Any]:
    if field in _UNION_LISTS:
        return present + [value for value in patch if value not in present]
    keys = MERGE_KEYS.get(field)
    if not keys or not all(isinstance(element, dict) for element in patch):
        return copy.deepcopy(patch)
    if any(element.get("$patch") == "replace" for element in patch):
        return [copy.deepcopy(element) for element in patch if element.get("$patch") != "replace"]
    result = list(present)
    for element in patch:
        _merge_element(result, keys, element)
    return result


def _merge_element(result: list[Any], keys: tuple[str, ...], element: dict[str, Any]) -> None:
    key = next((key for key in keys if key in element), None)
    if key is None:
        raise errors.bad_request(f"map: {element} does not contain declared merge key: {keys[0]}")
    place = next((index for index, present in enumerate(result) if present.get(key) == element[key]), None)
    if element.get("$patch") == "delete":
        if place is not None:
            del result[place]
    elif place is None:
        result.append(strategic_merge({}, element))
    else:
        result[place] = strategic_merge(result[place], element)


def json_patch(document: Any, operations: Any) -> Any:
    """A JSON patch; ApiError 400 if it is not one, 422 if it can't be applied to this document."""
    if not isinstance(operations, list):
        raise errors.bad_request("a JSON patch is a list of operations")
    result = copy.deepcopy(document)
    for operation in operations:
        try:
            result = _apply(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as problem:
            raise errors.unprocessable(
                f"the JSON patch operation {operation} can't be applied: {problem!r}"
            ) from problem
    return result


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "test":
            if _read(document, path) != operation["value"]:
                raise ValueError(f"testing value {operation['path']} failed")
            return document
        case "remove":
            return _edit(document, path, _remove)
        case "add":
            return _put(document, path, copy.deepcopy(operation["value"]))
        case "replace":
            _read(document, path)
            return _put(_edit(document, path, _remove) if path else document, path, copy.deepcopy(operation["value"]))
        case "copy":
            return _put(document, path, copy.deepcopy(_read(document, _pointer(operation["from"]))))
        case "move":
            source = _pointer(operation["from"])
            value = _read(document, source)
            return _put(_edit(document, source, _remove), path, value)
        case unknown:
            raise errors.bad_request(f"unknown JSON patch operation {unknown!r}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(f"the path {text!r} must begin with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _read(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _put(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value

    def add(parent: Any, key: str) -> None:
        if not isinstance(parent, list):
            parent[key] = value
        elif key == "-":
            parent.append(value)
        else:
            parent.insert(int(key), value)

    return _edit(document, path, add)


def _edit(document: Any, path: list[str], action: Callable[[Any, str], None]) -> Any:
    action(_read(document, path[:-1]), path[-1])
    return document


def _remove(parent: Any, key: str) -> None:
    del parent[int(key) if isinstance(parent, list) else key]
