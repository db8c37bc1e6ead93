"""Create, read, replace, patch and delete: one implementation for all kinds.

Rule: a function here takes plain values, not HTTP requests, and leaves an error as an ApiError.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from localkube import errors
from localkube.api import decoding
from localkube.api.defaults import apply_defaults, secret_strings
from localkube.api.validation import validate_change, validate_new
from localkube.state import patches
from localkube.state.deletion import DeleteOptions, delete
from localkube.state.kinds import JOBS, NAMESPACES, SECRETS, SERVICES, Kind, Object
from localkube.state.objects import generated_name, is_deleting, new_uid
from localkube.state.selectors import Predicate
from localkube.state.store import Store

PATCHES: dict[str, Callable[[Any, Any], Any]] = {
    "application/json-patch+json": patches.json_patch,
    "application/merge-patch+json": patches.merge,
    "application/strategic-merge-patch+json": patches.strategic_merge,
}
_SYSTEM_METADATA = (
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "resourceVersion",
    "selfLink",
)
_GENERATE_ATTEMPTS = 8


class Resources:
    """The verbs on single objects."""

    def __init__(self, store: Store, allocate_service_address: Callable[[Object], None]) -> None:
        self._store = store
        self._allocate_service_address = allocate_service_address

    def create(self, kind: Kind, namespace: str, body: Any) -> Object:
        """Store a new object after defaults and validation."""
        item = decoding.decode(kind, body, namespace)
        metadata = item["metadata"]
        if metadata.get("resourceVersion"):
            raise errors.bad_request("resourceVersion should not be set on objects to be created")
        for field in _SYSTEM_METADATA:
            metadata.pop(field, None)
        generate = not metadata.get("name") and metadata.get("generateName")
        if generate:
            metadata["name"] = self._free_name(kind, namespace, str(generate))
        metadata["uid"] = new_uid()
        apply_defaults(kind, item)
        self._check_namespace(kind, namespace, metadata.get("name", ""))
        validate_new(kind, item)
        if kind is SERVICES and self._store.find(kind, namespace, metadata["name"]) is None:
            self._allocate_service_address(item)
        return self._store.create(kind, item)

    def _free_name(self, kind: Kind, namespace: str, base: str) -> str:
        candidates = (generated_name(base) for _ in range(_GENERATE_ATTEMPTS))
        return next(name for name in candidates if self._store.find(kind, namespace, name) is None)

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self._store.get(NAMESPACES, "", namespace)
        if is_deleting(found):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            problem = errors.forbidden(kind.plural, kind.group, name, why)
            problem.details["causes"] = [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]
            raise problem

    def replace(self, kind: Kind, namespace: str, name: str, body: Any, *, status: bool = False) -> Object:
        """Put a whole object in the place of the one of that name."""
        before = self._store.get(kind, namespace, name)
        item = decoding.decode(kind, body, namespace, name)
        return self._write(kind, before, item, status=status)

    def patch(
        self, kind: Kind, namespace: str, name: str, body: Any, content_type: str, *, status: bool = False
    ) -> Object:
        """Change the object of that name by a JSON, merge or strategic merge patch."""
        if content_type not in PATCHES:
            raise errors.unsupported_media_type(content_type, sorted(PATCHES))
        before = self._store.get(kind, namespace, name)
        patched = PATCHES[content_type](before, body)
        item = decoding.decode(kind, patched, namespace, name)
        given = body.get("metadata") if isinstance(body, dict) else None
        if not (isinstance(given, dict) and given.get("resourceVersion")) and not isinstance(body, list):
            item["metadata"].pop("resourceVersion", None)
        return self._write(kind, before, item, status=status)

    def _write(self, kind: Kind, before: Object, item: Object, *, status: bool) -> Object:
        uid = item["metadata"].get("uid")
        name = before["metadata"]["name"]
        if uid and uid != before["metadata"]["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {before['metadata']['uid']}"
            raise errors.conflict(kind.plural, kind.group, name, why)
        version = item["metadata"].get("resourceVersion")
        if version and version != before["metadata"]["resourceVersion"]:
            raise errors.stale(kind.plural, kind.group, name)
        if status:
            return self._store.update(kind, copy.deepcopy(before) | {"status": item.get("status", {})})
        if kind.has_status:
            item = item | {"status": before.get("status", {})}
        self._fill_in(kind, before, item)
        validate_change(kind, before, item)
        return self._store.update(kind, item)

    def _fill_in(self, kind: Kind, before: Object, item: Object) -> None:
        """A replace that leaves out what the system has set keeps it."""
        if kind is SECRETS:
            secret_strings(item)
            item.setdefault("type", before.get("type", "Opaque"))
        if kind is JOBS:
            item["spec"].setdefault("selector", before["spec"]["selector"])
            for field in ("completionMode", "parallelism", "backoffLimit", "suspend", "podReplacementPolicy"):
                item["spec"].setdefault(field, before["spec"][field])
        if kind is SERVICES:
            item["spec"].setdefault("clusterIP", before["spec"]["clusterIP"])
            item["spec"].setdefault("clusterIPs", before["spec"].get("clusterIPs"))

    def delete(self, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> Object:
        """Delete the object of that name or begin to; returns how it stands."""
        return delete(self._store, kind, self._store.get(kind, namespace, name), options)

    def delete_collection(
        self, kind: Kind, namespace: str | None, wanted: Predicate, options: DeleteOptions
    ) -> list[Object]:
        """Delete every object that `wanted` selects; returns them as they were."""
        chosen = [item for item in self._store.list(kind, namespace) if wanted(item)]
        for item in chosen:
            delete(self._store, kind, item, options)
        return chosen
