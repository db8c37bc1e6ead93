"""Small questions about objects that every part asks: names, times, conditions, owners."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from localkube.state.kinds import Kind, Object

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_GENERATED_BASE_LENGTH = 58

Key = tuple[str, str]
"""Namespace ("" for kinds without) and name."""


def now() -> str:
    """This moment as Kubernetes writes times: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """Seconds since the epoch of a Kubernetes time."""
    return datetime.fromisoformat(text).timestamp()


def new_uid() -> str:
    """A fresh object uid."""
    return str(uuid.uuid4())


def random_suffix() -> str:
    """Five characters as `generateName` appends them."""
    return "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(_SUFFIX_LENGTH))


def generated_name(base: str) -> str:
    """A name from `generateName`, at most 63 characters."""
    return base[:_GENERATED_BASE_LENGTH] + random_suffix()


def meta(item: Object) -> dict[str, Any]:
    """The object's metadata."""
    found: dict[str, Any] = item["metadata"]
    return found


def name_of(item: Object) -> str:
    """The object's name."""
    return str(item["metadata"]["name"])


def namespace_of(item: Object) -> str:
    """The object's namespace, "" for kinds without."""
    return str(item["metadata"].get("namespace", ""))


def uid_of(item: Object) -> str:
    """The object's uid."""
    return str(item["metadata"]["uid"])


def key_of(item: Object) -> Key:
    """Namespace and name."""
    return namespace_of(item), name_of(item)


def labels_of(item: Object) -> dict[str, str]:
    """The object's labels."""
    return item["metadata"].get("labels") or {}


def is_deleting(item: Object) -> bool:
    """Whether the object was asked to go and is still there."""
    return bool(item["metadata"].get("deletionTimestamp"))


def owners_of(item: Object) -> list[dict[str, Any]]:
    """The object's ownerReferences."""
    return item["metadata"].get("ownerReferences") or []


def controlled_by(item: Object, owner: Object) -> bool:
    """Whether `owner` is the controller of `item`."""
    return any(reference.get("controller") and reference["uid"] == uid_of(owner) for reference in owners_of(item))


def controller_reference(kind: Kind, owner: Object) -> dict[str, Any]:
    """The ownerReference that a controller puts on what it creates."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(item: Object, kind: str) -> dict[str, Any] | None:
    """The condition of that type, or None."""
    return next((c for c in item.get("status", {}).get("conditions") or [] if c["type"] == kind), None)


def has_condition(item: Object, kind: str) -> bool:
    """Whether the condition of that type is there and "True"."""
    found = condition(item, kind)
    return found is not None and found["status"] == "True"
