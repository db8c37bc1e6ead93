"""Removes what nobody owns any more, and finishes deletes that wait for their dependents."""

from __future__ import annotations

from localkube.controllers.queue import KeyQueue
from localkube.state.deletion import BACKGROUND, FINALIZERS, FOREGROUND, ORPHAN, DeleteOptions, delete, finish
from localkube.state.kinds import Kind, Object
from localkube.state.objects import Key, is_deleting, key_of, owners_of, uid_of
from localkube.state.store import Event, Store


class GarbageCollector:
    """Follows ownerReferences. A key here is the plural of a kind and a uid."""

    def __init__(self, store: Store, delay_seconds: float) -> None:
        self._store = store
        self._items: dict[str, tuple[Kind, Key]] = {}
        self._dependents: dict[str, set[str]] = {}
        self._queue = KeyQueue(self._check, delay_seconds)
        self._unsubscribe = store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        uid = uid_of(event.item)
        owners = {reference["uid"] for reference in owners_of(event.item)}
        before = {reference["uid"] for reference in owners_of(event.before)} if event.before else set()
        if event.change == "DELETED":
            self._items.pop(uid, None)
            before, owners = before | owners, set()
            for dependent in self._dependents.get(uid, ()):
                self._queue.add(("", dependent))
        else:
            self._items[uid] = (event.kind, key_of(event.item))
        for owner in before - owners:
            self._forget(owner, uid)
        for owner in owners - before:
            self._dependents.setdefault(owner, set()).add(uid)
        for owner in before | owners:
            waiting = self._find(owner)
            if waiting is not None and is_deleting(waiting[1]):
                self._queue.add(("", owner))
        if event.change != "DELETED" and (owners - before or is_deleting(event.item)):
            self._queue.add(("", uid))

    def _forget(self, owner: str, uid: str) -> None:
        dependents = self._dependents.get(owner, set())
        dependents.discard(uid)
        if not dependents:
            self._dependents.pop(owner, None)

    def _find(self, uid: str) -> tuple[Kind, Object] | None:
        place = self._items.get(uid)
        if place is None:
            return None
        kind, key = place
        item = self._store.find(kind, *key)
        return (kind, item) if item is not None and uid_of(item) == uid else None

    def _check(self, key: Key) -> None:
        found = self._find(key[1])
        if found is None:
            return
        kind, item = found
        if is_deleting(item):
            self._finish_delete(kind, item)
        elif self._is_garbage(item):
            delete(self._store, kind, item, DeleteOptions(policy=BACKGROUND))

    def _is_garbage(self, item: Object) -> bool:
        owners = [reference["uid"] for reference in owners_of(item)]
        return bool(owners) and all(self._find(uid) is None for uid in owners)

    def _finish_delete(self, kind: Kind, item: Object) -> None:
        finalizers = item["metadata"].get("finalizers") or []
        dependents = [found for uid in self._dependents.get(uid_of(item), set()) if (found := self._find(uid))]
        if FINALIZERS[ORPHAN] in finalizers:
            for dependent_kind, dependent in dependents:
                self._store.change(dependent_kind, dependent, lambda fresh: _disown(fresh, uid_of(item)))
            finish(self._store, kind, item, FINALIZERS[ORPHAN])
        elif FINALIZERS[FOREGROUND] in finalizers:
            for dependent_kind, dependent in dependents:
                if not is_deleting(dependent):
                    delete(self._store, dependent_kind, dependent, DeleteOptions(policy=FOREGROUND))
            if not self._blocking(item):
                finish(self._store, kind, item, FINALIZERS[FOREGROUND])

    def _blocking(self, owner: Object) -> bool:
        """Whether a dependent that asked for it still holds up the owner's end."""
        for uid in self._dependents.get(uid_of(owner), set()):
            found = self._find(uid)
            references = owners_of(found[1]) if found else []
            if any(one["uid"] == uid_of(owner) and one.get("blockOwnerDeletion") for one in references):
                return True
        return False

    def close(self) -> None:
        """Collect no more."""
        self._unsubscribe()
        self._queue.close()


def _disown(item: Object, owner_uid: str) -> None:
    left = [reference for reference in owners_of(item) if reference["uid"] != owner_uid]
    if left:
        item["metadata"]["ownerReferences"] = left
    else:
        item["metadata"].pop("ownerReferences", None)
