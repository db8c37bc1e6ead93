"""The cluster's objects and the history of their changes, in memory.

Rule: stored objects are never changed in place; a change is a new object with a new resourceVersion, told to every
subscriber at once. Everything runs in one event loop, so no operation here waits.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from localkube import errors
from localkube.state.kinds import EVENTS, KINDS, NAMESPACES, PODS, Kind, Object
from localkube.state.objects import Key, key_of, new_uid, now

HISTORY_LENGTH = 20_000
EVENTS_KEPT = 5_000
_KEPT_METADATA = ("uid", "creationTimestamp", "name", "namespace", "deletionTimestamp", "deletionGracePeriodSeconds")

_REMOVED_BY_OTHERS = (PODS, NAMESPACES)
"""Kinds that go when the kubelet, or the namespace's controller, has finished with them."""

Change = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one object; `before` is None for an added one."""

    version: int
    kind: Kind
    change: Change
    item: Object
    before: Object | None


Objects = list[Object]
Subscriber = Callable[[Event], None]


class Store:
    """Objects by kind, namespace and name."""

    def __init__(self, history_length: int = HISTORY_LENGTH) -> None:
        self.version = 1
        self._objects: dict[str, dict[Key, Object]] = {kind.plural: {} for kind in KINDS}
        self._history: deque[Event] = deque(maxlen=history_length)
        self._forgotten = 0
        self._subscribers: list[Subscriber] = []

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        return self._objects[kind.plural].get((namespace if kind.namespaced else "", name))

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """The object; ApiError 404 if there is none."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise errors.not_found(kind.plural, kind.group, name)
        return found

    def list(self, kind: Kind, namespace: str | None = None) -> Objects:
        """All objects of the kind (in the namespace), by namespace and name."""
        items = self._objects[kind.plural]
        return [items[key] for key in sorted(items) if namespace is None or key[0] == namespace]

    def everything(self) -> Iterator[tuple[Kind, Object]]:
        """Every object with its kind."""
        for kind in KINDS:
            for item in list(self._objects[kind.plural].values()):
                yield kind, item

    def create(self, kind: Kind, item: Object) -> Object:
        """Store a new object; ApiError 409 if the name is taken."""
        fresh = copy.deepcopy(item)
        if self.find(kind, *key_of(fresh)) is not None:
            raise errors.already_exists(kind.plural, kind.group, key_of(fresh)[1])
        metadata = fresh["metadata"]
        metadata.setdefault("uid", new_uid())
        metadata["creationTimestamp"] = now()
        if "spec" in fresh and kind.has_status:
            metadata["generation"] = 1
        fresh = {"kind": kind.name, "apiVersion": kind.api_version} | fresh
        self._put(kind, "ADDED", fresh, None)
        if kind is EVENTS and len(self._objects[kind.plural]) > EVENTS_KEPT:
            self.remove(kind, next(iter(self._objects[kind.plural].values())))
        return fresh

    def update(self, kind: Kind, item: Object) -> Object:
        """Store a changed object as a whole; ApiError 409 if it carries a resourceVersion that is not the newest.

        An object that is being deleted and has no finalizer left is removed instead.
        """
        before = self.get(kind, *key_of(item))
        given = item["metadata"].get("resourceVersion")
        if given and given != before["metadata"]["resourceVersion"]:
            raise errors.stale(kind.plural, kind.group, key_of(item)[1])
        fresh = copy.deepcopy(item)
        metadata = fresh["metadata"]
        metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
        metadata |= {field: before["metadata"][field] for field in _KEPT_METADATA if field in before["metadata"]}
        if fresh == before:
            return before
        if fresh.get("spec") != before.get("spec") and "generation" in before["metadata"]:
            metadata["generation"] = before["metadata"]["generation"] + 1
        self._put(kind, "MODIFIED", fresh, before)
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers") and kind not in _REMOVED_BY_OTHERS:
            self.remove(kind, fresh)
        return fresh

    def change(self, kind: Kind, item: Object, edit: Callable[[Object], None]) -> Object | None:
        """Apply `edit` to a copy of the newest version of the same object; None if it is gone."""
        current = self.find(kind, *key_of(item))
        if current is None or current["metadata"]["uid"] != item["metadata"]["uid"]:
            return None
        fresh = copy.deepcopy(current)
        edit(fresh)
        return self.update(kind, fresh)

    def mark_deleting(self, kind: Kind, item: Object, grace_seconds: int) -> Object:
        """Note that the object was asked to go, and when at the latest it must be gone."""
        before = self.get(kind, *key_of(item))
        fresh = copy.deepcopy(item)
        fresh["metadata"].setdefault("deletionTimestamp", now())
        fresh["metadata"]["deletionGracePeriodSeconds"] = grace_seconds
        if fresh != before:
            self._put(kind, "MODIFIED", fresh, before)
        return fresh

    def remove(self, kind: Kind, item: Object) -> None:
        """Take the object out, whatever its finalizers say; nothing happens if it is gone."""
        current = self.find(kind, *key_of(item))
        if current is not None and current["metadata"]["uid"] == item["metadata"]["uid"]:
            self._put(kind, "DELETED", copy.deepcopy(current), current)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Be told every later change, in order; returns what ends it."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def since(self, version: int) -> tuple[Event, ...]:
        """Every change after that resourceVersion; ApiError 410 if history no longer reaches back to it."""
        if version < self._forgotten:
            raise errors.gone(f"too old resource version: {version} ({self._forgotten})")
        return tuple(event for event in self._history if event.version > version)

    def _put(self, kind: Kind, change: Change, item: Object, before: Object | None) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        items = self._objects[kind.plural]
        if change == "DELETED":
            del items[key_of(item)]
        else:
            items[key_of(item)] = item
        if self._history.maxlen and len(self._history) == self._history.maxlen:
            self._forgotten = self._history[0].version
        event = Event(self.version, kind, change, item, before)
        self._history.append(event)
        for subscriber in tuple(self._subscribers):
            subscriber(event)
