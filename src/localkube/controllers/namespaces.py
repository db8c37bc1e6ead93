"""Gives each namespace its service account and root certificate, and empties one that is deleted."""

from __future__ import annotations

from localkube.controllers.queue import KeyQueue
from localkube.state.deletion import BACKGROUND, DeleteOptions, delete
from localkube.state.kinds import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, Object
from localkube.state.objects import Key, is_deleting, name_of, namespace_of
from localkube.state.store import Event, Store

ROOT_CERTIFICATE_NAME = "kube-root-ca.crt"


class NamespaceController:
    """Fills and empties namespaces."""

    def __init__(self, store: Store, root_certificate: str, delay_seconds: float) -> None:
        self._store = store
        self._root_certificate = root_certificate
        self._queue = KeyQueue(self._reconcile, delay_seconds)
        self._unsubscribe = store.subscribe(self._on_event)

    def create_first(self, *names: str) -> None:
        """The namespaces that a cluster has from its start."""
        for name in names:
            labels = {"kubernetes.io/metadata.name": name}
            spec, status = {"finalizers": ["kubernetes"]}, {"phase": "Active"}
            item = {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}
            self._fill(self._store.create(NAMESPACES, item))

    def _on_event(self, event: Event) -> None:
        if event.kind is NAMESPACES:
            self._queue.add(("", name_of(event.item)))
        elif event.change == "DELETED":
            namespace = self._store.find(NAMESPACES, "", namespace_of(event.item))
            if namespace is not None and is_deleting(namespace):
                self._queue.add(("", name_of(namespace)))

    def _reconcile(self, key: Key) -> None:
        namespace = self._store.find(NAMESPACES, *key)
        if namespace is None:
            return
        if is_deleting(namespace):
            self._empty(namespace)
        else:
            self._fill(namespace)

    def _fill(self, namespace: Object) -> None:
        name = name_of(namespace)
        if self._store.find(SERVICE_ACCOUNTS, name, "default") is None:
            self._store.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": name}})
        if self._store.find(CONFIG_MAPS, name, ROOT_CERTIFICATE_NAME) is None:
            metadata = {"name": ROOT_CERTIFICATE_NAME, "namespace": name}
            self._store.create(CONFIG_MAPS, {"metadata": metadata, "data": {"ca.crt": self._root_certificate}})

    def _empty(self, namespace: Object) -> None:
        left = False
        for kind, item in list(self._store.everything()):
            if kind.namespaced and namespace_of(item) == name_of(namespace):
                if not is_deleting(item):
                    delete(self._store, kind, item, DeleteOptions(policy=BACKGROUND))
                left = left or self._store.find(kind, namespace_of(item), name_of(item)) is not None
        if not left:
            self._store.remove(NAMESPACES, namespace)

    def close(self) -> None:
        """Reconcile no more."""
        self._unsubscribe()
        self._queue.close()
