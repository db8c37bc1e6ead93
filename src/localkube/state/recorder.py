"""Events: what the cluster tells about an object, with repetitions counted."""

from __future__ import annotations

from localkube.state.kinds import EVENTS, NAMESPACES, Kind, Object
from localkube.state.objects import is_deleting, name_of, namespace_of, now, random_suffix, uid_of
from localkube.state.store import Store


class Recorder:
    """Writes events into the store; never fails the caller."""

    def __init__(self, store: Store, component: str) -> None:
        self._store = store
        self._component = component
        self._known: dict[tuple[str, str, str], Object] = {}

    def normal(self, kind: Kind, item: Object, reason: str, message: str) -> None:
        """Something went as it should."""
        self._record(kind, item, "Normal", reason, message)

    def warning(self, kind: Kind, item: Object, reason: str, message: str) -> None:
        """Something did not."""
        self._record(kind, item, "Warning", reason, message)

    def _record(self, kind: Kind, item: Object, severity: str, reason: str, message: str) -> None:
        identity = (uid_of(item), reason, message)
        known = self._known.get(identity)
        if known is not None and self._repeat(known):
            return
        namespace = self._store.find(NAMESPACES, "", namespace_of(item) or "default")
        if namespace is None or is_deleting(namespace):
            return
        self._known[identity] = self._store.create(EVENTS, self._event(kind, item, severity, reason, message))
        if len(self._known) > 1000:  # noqa: PLR2004 -- only bounds memory
            self._known.pop(next(iter(self._known)))

    def _repeat(self, known: Object) -> bool:
        def edit(fresh: Object) -> None:
            fresh["count"] += 1
            fresh["lastTimestamp"] = now()

        return self._store.change(EVENTS, known, edit) is not None

    def _event(self, kind: Kind, item: Object, severity: str, reason: str, message: str) -> Object:
        stamp = now()
        namespace = namespace_of(item) or "default"
        return {
            "metadata": {"name": f"{name_of(item)}.{random_suffix()}{random_suffix()}", "namespace": namespace},
            "involvedObject": {
                "kind": kind.name,
                "apiVersion": kind.api_version,
                "name": name_of(item),
                "namespace": namespace,
                "uid": uid_of(item),
                "resourceVersion": item["metadata"].get("resourceVersion"),
            },
            "type": severity,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "eventTime": None,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "localkube",
        }
