"""What a delete means: preconditions, grace, finalizers and propagation policies.

Rule: used by the API and by the controllers alike, so that both delete in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localkube import errors
from localkube.state.kinds import JOBS, NAMESPACES, PODS, Kind, Object
from localkube.state.objects import is_deleting, key_of, name_of, uid_of
from localkube.state.store import Store

FOREGROUND, BACKGROUND, ORPHAN = "Foreground", "Background", "Orphan"
FINALIZERS = {FOREGROUND: "foregroundDeletion", ORPHAN: "orphan"}
_TERMINAL = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How an object is to be deleted. None means the kind's default."""

    grace_seconds: int | None = None
    policy: str | None = None
    uid: str | None = None
    resource_version: str | None = None

    @classmethod
    def read(cls, body: dict[str, Any], query: dict[str, str]) -> DeleteOptions:
        """The options of a request; those in the body win over those in the query."""
        grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        policy = body.get("propagationPolicy", query.get("propagationPolicy"))
        orphan = body.get("orphanDependents", query.get("orphanDependents"))
        if policy is None and orphan is not None:
            policy = ORPHAN if str(orphan).lower() == "true" else BACKGROUND
        if policy not in (None, FOREGROUND, BACKGROUND, ORPHAN):
            raise errors.invalid(
                "DeleteOptions",
                "",
                "",
                [errors.Cause.invalid("propagationPolicy", policy, "must be Foreground, Background or Orphan")],
            )
        preconditions = body.get("preconditions") or {}
        return cls(
            None if grace is None else int(grace),
            policy,
            preconditions.get("uid"),
            preconditions.get("resourceVersion"),
        )


def delete(store: Store, kind: Kind, item: Object, options: DeleteOptions | None = None) -> Object:
    """Delete the object or begin to; returns it as it stands after."""
    options = options or DeleteOptions()
    _check(kind, item, options)
    # The Job API keeps the default of its first version: without a policy its pods stay.
    policy = options.policy or (ORPHAN if kind is JOBS else BACKGROUND)
    if finalizer := FINALIZERS.get(policy):
        item = _add_finalizer(store, kind, item, finalizer)
    if kind is PODS:
        return _delete_pod(store, item, options)
    if kind is NAMESPACES and not is_deleting(item):
        item = store.update(kind, item | {"status": {"phase": "Terminating"}})
        return store.mark_deleting(kind, item, 0)
    if item["metadata"].get("finalizers"):
        return store.mark_deleting(kind, item, 0)
    if kind is not NAMESPACES:
        store.remove(kind, item)
    return item


def _check(kind: Kind, item: Object, options: DeleteOptions) -> None:
    version = item["metadata"]["resourceVersion"]
    for what, wanted, present in (
        ("UID", options.uid, uid_of(item)),
        ("ResourceVersion", options.resource_version, version),
    ):
        if wanted and wanted != present:
            why = f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {present}"
            raise errors.conflict(kind.plural, kind.group, name_of(item), why)


def _add_finalizer(store: Store, kind: Kind, item: Object, finalizer: str) -> Object:
    finalizers = item["metadata"].get("finalizers") or []
    if finalizer in finalizers:
        return item
    changed = item | {"metadata": item["metadata"] | {"finalizers": [*finalizers, finalizer]}}
    if is_deleting(item):
        return store.update(kind, changed)
    return store.mark_deleting(kind, changed, 0) if kind is not PODS else store.update(kind, changed)


def _delete_pod(store: Store, pod: Object, options: DeleteOptions) -> Object:
    grace = options.grace_seconds
    if grace is None:
        grace = int(pod["spec"].get("terminationGracePeriodSeconds", 30))
    unscheduled = not pod["spec"].get("nodeName")
    if unscheduled or pod["status"].get("phase") in _TERMINAL:
        grace = 0
    if is_deleting(pod):
        grace = min(grace, pod["metadata"]["deletionGracePeriodSeconds"])
    pod = store.mark_deleting(PODS, pod, grace)
    if grace == 0 and not pod["metadata"].get("finalizers"):
        store.remove(PODS, pod)
    return pod


def finish(store: Store, kind: Kind, item: Object, finalizer: str) -> None:
    """Take a finalizer off; the object goes when it was the last."""

    def edit(fresh: Object) -> None:
        left = [name for name in fresh["metadata"].get("finalizers") or [] if name != finalizer]
        fresh["metadata"]["finalizers"] = left
        if not left:
            del fresh["metadata"]["finalizers"]

    current = store.change(kind, item, edit)
    if current is None or current["metadata"].get("finalizers") or store.find(kind, *key_of(item)) is None:
        return
    if kind is PODS and current["metadata"].get("deletionGracePeriodSeconds") == 0:
        store.remove(kind, current)
