"""Binds every PersistentVolumeClaim at once, and removes its directory with it."""

from __future__ import annotations

import shutil

from localkube.controllers.queue import KeyQueue
from localkube.kubelet.volumes import claim_directory
from localkube.settings import Settings
from localkube.state.kinds import CLAIMS, Object
from localkube.state.objects import Key, key_of, uid_of
from localkube.state.store import Event, Store


class ClaimController:
    """Claims are directories that live as long as they do."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._queue = KeyQueue(self._bind, settings.job_delay_seconds)
        self._unsubscribe = store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.kind is not CLAIMS:
            return
        if event.change == "DELETED":
            shutil.rmtree(claim_directory(self._settings.claims, *key_of(event.item)), ignore_errors=True)
        else:
            self._queue.add(key_of(event.item))

    def _bind(self, key: Key) -> None:
        claim = self._store.find(CLAIMS, *key)
        if claim is None or claim["status"].get("phase") == "Bound":
            return

        def edit(fresh: Object) -> None:
            fresh["spec"].setdefault("volumeName", f"pvc-{uid_of(fresh)}")
            capacity = fresh["spec"]["resources"]["requests"]
            fresh["status"] = {"phase": "Bound", "accessModes": fresh["spec"]["accessModes"], "capacity": capacity}

        self._store.change(CLAIMS, claim, edit)

    def close(self) -> None:
        """Bind no more."""
        self._unsubscribe()
        self._queue.close()
