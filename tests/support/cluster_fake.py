"""A ClusterClient in memory: create or adopt, find, list by label, delete with what is owned.

Rule: it keeps the contract of `kubejobs.cluster.client.ClusterClient`, which the suite `tests/contract/run` checks on
real ones; `refuse` makes the next calls fail as a cluster would.
"""

from __future__ import annotations

import base64
import itertools
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from kubejobs.errors import ObjectConflictError
from kubejobs.naming import RUN_LABEL

_uids = itertools.count(1)


class FakeClusterClient:
    """Objects by kind, namespace and name, and the calls that were made."""

    def __init__(self, service_address: str = "127.0.0.1") -> None:
        self.objects: dict[tuple[str, str, str], Any] = {}
        self.calls: list[str] = []
        self.service_address = service_address
        self.refuse: Exception | None = None
        self.undeletable: set[str] = set()

    def kinds(self) -> list[str]:
        """The kinds of all objects, sorted."""
        return sorted(kind for kind, _, _ in self.objects)

    def create_or_adopt(self, manifest: dict[str, Any]) -> Any:
        """As ClusterClient.create_or_adopt."""
        metadata = manifest["metadata"]
        key = (manifest["kind"], metadata["namespace"], metadata["name"])
        self._called("create", *key)
        existing = self.objects.get(key)
        if existing is None:
            self.objects[key] = existing = self._made(manifest)
        elif existing.metadata.labels.get(RUN_LABEL) != metadata["labels"][RUN_LABEL]:
            raise ObjectConflictError(f"{key[0]} {key[1]}/{key[2]} exists and is not this run's", status=409)
        return existing

    def find(self, kind_name: str, name: str, namespace: str) -> Any | None:
        """As ClusterClient.find."""
        self._called("read", kind_name, namespace, name)
        return self.objects.get((kind_name, namespace, name))

    def list(self, kind_name: str, namespace: str, selector: str) -> list[Any]:
        """As ClusterClient.list."""
        self._called("list", kind_name, namespace, selector)
        return [
            item
            for (kind, place, _), item in self.objects.items()
            if (kind, place) == (kind_name, namespace) and _matches(item.metadata.labels, selector)
        ]

    def delete(self, kind_name: str, name: str, namespace: str) -> None:
        """As ClusterClient.delete; what the object owns goes at once."""
        self._called("delete", kind_name, namespace, name)
        gone = self.objects.get((kind_name, namespace, name))
        if gone is None or kind_name in self.undeletable:
            return
        del self.objects[kind_name, namespace, name]
        for key, item in list(self.objects.items()):
            if any(owner["uid"] == gone.metadata.uid for owner in item.metadata.owner_references):
                self.delete(key[0], key[2], key[1])

    def annotate(self, kind_name: str, name: str, namespace: str, annotations: dict[str, str]) -> None:
        """As ClusterClient.annotate."""
        self._called("annotate", kind_name, namespace, name)
        self.objects[kind_name, namespace, name].metadata.annotations.update(annotations)

    def _called(self, verb: str, kind: str, namespace: str, name: str) -> None:
        self.calls.append(f"{verb} {kind} {namespace}/{name}")
        if self.refuse is not None:
            raise self.refuse

    def _made(self, manifest: dict[str, Any]) -> Any:
        metadata = manifest["metadata"]
        secret = {key: base64.b64encode(text.encode()).decode() for key, text in manifest.get("stringData", {}).items()}
        return SimpleNamespace(
            metadata=SimpleNamespace(
                name=metadata["name"],
                namespace=metadata["namespace"],
                labels=dict(metadata["labels"]),
                annotations=dict(metadata.get("annotations", {})),
                owner_references=metadata.get("ownerReferences", []),
                uid=f"uid-{next(_uids)}",
                creation_timestamp=datetime.now(UTC),
                deletion_timestamp=None,
            ),
            data=secret or manifest.get("data"),
            spec=SimpleNamespace(cluster_ip=self.service_address),
            manifest=manifest,
        )


def _matches(labels: dict[str, str], selector: str) -> bool:
    """Whether the labels fit a selector of `key` and `key=value` terms."""
    for term in selector.split(","):
        key, equals, value = term.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return True
