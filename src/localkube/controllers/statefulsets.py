"""The StatefulSet controller: pods with stable names, each made when the one before is ready."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

from localkube.api.defaults import apply_defaults
from localkube.controllers.pods import create_pod
from localkube.controllers.queue import KeyQueue
from localkube.state.deletion import delete
from localkube.state.kinds import CLAIMS, NAMESPACES, PODS, STATEFUL_SETS, Object
from localkube.state.objects import (
    Key,
    controlled_by,
    has_condition,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    owners_of,
)
from localkube.state.recorder import Recorder
from localkube.state.store import Event, Store

_REVISION = "controller-revision-hash"
_TERMINAL = ("Succeeded", "Failed")


class StatefulSetController:
    """Makes pods follow their StatefulSets."""

    def __init__(self, store: Store, delay_seconds: float) -> None:
        self._store = store
        self._recorder = Recorder(store, "statefulset-controller")
        self._queue = KeyQueue(self._reconcile, delay_seconds)
        self._unsubscribe = store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.kind is STATEFUL_SETS:
            self._queue.add(key_of(event.item))
        elif event.kind is PODS:
            for reference in owners_of(event.item):
                if reference["kind"] == STATEFUL_SETS.name:
                    self._queue.add((namespace_of(event.item), reference["name"]))

    def _reconcile(self, key: Key) -> None:
        owner = self._store.find(STATEFUL_SETS, *key)
        namespace = self._store.find(NAMESPACES, "", key[0])
        if owner is None or namespace is None or is_deleting(namespace):
            return
        revision = _revision(owner)
        if not is_deleting(owner):
            self._manage(owner, revision)
        self._store.change(STATEFUL_SETS, owner, lambda fresh: fresh.update(status=self._status(owner, revision)))

    def _pods(self, owner: Object) -> dict[str, Object]:
        return {name_of(pod): pod for pod in self._store.list(PODS, namespace_of(owner)) if controlled_by(pod, owner)}

    def _manage(self, owner: Object, revision: str) -> None:
        """One step: the first pod that is missing, wrong or too many."""
        pods, replicas = self._pods(owner), int(owner["spec"]["replicas"])
        in_order = owner["spec"]["podManagementPolicy"] != "Parallel"
        for ordinal in range(replicas):
            pod = pods.pop(f"{name_of(owner)}-{ordinal}", None)
            if pod is None:
                self._create(owner, ordinal, revision)
            elif not is_deleting(pod) and self._must_go(pod, revision):
                delete(self._store, PODS, pod)
            if in_order and (pod is None or is_deleting(pod) or not has_condition(pod, "Ready")):
                return
        for pod in reversed(list(pods.values())):
            if not is_deleting(pod):
                delete(self._store, PODS, pod)
                message = f"delete Pod {name_of(pod)} in StatefulSet {name_of(owner)} successful"
                self._recorder.normal(STATEFUL_SETS, owner, "SuccessfulDelete", message)
            if in_order:
                return

    @staticmethod
    def _must_go(pod: Object, revision: str) -> bool:
        return pod["status"].get("phase") in _TERMINAL or labels_of(pod).get(_REVISION) != revision

    def _create(self, owner: Object, ordinal: int, revision: str) -> None:
        name = f"{name_of(owner)}-{ordinal}"
        if self._store.find(PODS, namespace_of(owner), name) is not None:
            return
        claims = self._claims(owner, name)
        labels = {"statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(ordinal)}
        if claims:
            owner = copy.deepcopy(owner)
            spec = owner["spec"]["template"]["spec"]
            kept = [volume for volume in spec.get("volumes") or [] if volume["name"] not in claims]
            spec["volumes"] = kept + [
                {"name": volume, "persistentVolumeClaim": {"claimName": claim}} for volume, claim in claims.items()
            ]
        create_pod(self._store, STATEFUL_SETS, owner, name, labels | {_REVISION: revision})
        message = f"create Pod {name} in StatefulSet {name_of(owner)} successful"
        self._recorder.normal(STATEFUL_SETS, owner, "SuccessfulCreate", message)

    def _claims(self, owner: Object, pod_name: str) -> dict[str, str]:
        """The claim of each volumeClaimTemplate for that pod, made if it is missing."""
        claims = {}
        for template in owner["spec"].get("volumeClaimTemplates") or []:
            claim = copy.deepcopy(template)
            volume = claim["metadata"]["name"]
            name = claims[volume] = f"{volume}-{pod_name}"
            if self._store.find(CLAIMS, namespace_of(owner), name) is None:
                claim["metadata"] |= {"name": name, "namespace": namespace_of(owner)}
                selector = owner["spec"]["selector"].get("matchLabels") or {}
                claim["metadata"]["labels"] = (claim["metadata"].get("labels") or {}) | selector
                apply_defaults(CLAIMS, claim)
                self._store.create(CLAIMS, claim)
        return claims

    def _status(self, owner: Object, revision: str) -> dict[str, Any]:
        pods = list(self._pods(owner).values())
        ready = [pod for pod in pods if has_condition(pod, "Ready") and not is_deleting(pod)]
        current = [pod for pod in pods if labels_of(pod).get(_REVISION) == revision]
        return {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": len(ready),
            "currentReplicas": len(current),
            "updatedReplicas": len(current),
            "currentRevision": revision,
            "updateRevision": revision,
            "collisionCount": 0,
        }

    def close(self) -> None:
        """Reconcile no more."""
        self._unsubscribe()
        self._queue.close()


def _revision(owner: Object) -> str:
    template = json.dumps(owner["spec"]["template"], sort_keys=True).encode()
    return f"{name_of(owner)}-{hashlib.sha256(template).hexdigest()[:10]}"
