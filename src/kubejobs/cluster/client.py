"""The synchronous calls: create or adopt, read, list by label, delete.

Rule: every call has a time limit, is tried again while the API does not answer, and raises the project's errors.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from kubejobs.cluster.errors import cluster_error
from kubejobs.cluster.manifest_parts import Manifest
from kubejobs.errors import ClusterUnavailableError, ObjectConflictError, ObjectGoneError
from kubejobs.naming import RUN_LABEL, RunIdentity
from kubejobs.workqueue.types import QueueAddress

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
_TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)
_TRIES, _FIRST_PAUSE_SECONDS = 5, 0.5
_GONE_SECONDS, _GONE_PAUSE_SECONDS = 120.0, 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """How the official client spells one kind of object."""

    name: str
    api: str
    suffix: str


# In the order in which cleanup removes them: what makes pods first, what owns the rest last.
KINDS = (
    Kind("Job", "BatchV1Api", "namespaced_job"),
    Kind("StatefulSet", "AppsV1Api", "namespaced_stateful_set"),
    Kind("Service", "CoreV1Api", "namespaced_service"),
    Kind("Secret", "CoreV1Api", "namespaced_secret"),
    Kind("PersistentVolumeClaim", "CoreV1Api", "namespaced_persistent_volume_claim"),
    Kind("Pod", "CoreV1Api", "namespaced_pod"),
    Kind("ConfigMap", "CoreV1Api", "namespaced_config_map"),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


class ClusterClient:
    """One cluster through the official client."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._apis = {name: getattr(client, name)(api_client) for name in {kind.api for kind in KINDS}}

    def _call(self, verb: str, kind: Kind, doing: str, **arguments: Any) -> Any:
        method = getattr(self._apis[kind.api], f"{verb}_{kind.suffix}")

        def once() -> Any:
            try:
                return method(_request_timeout=_TIMEOUT, **arguments)
            except (ApiException, HTTPError, OSError) as error:
                raise cluster_error(error, doing) from error

        return _again_while_unavailable(once)

    def create_or_adopt(self, manifest: Manifest) -> Any:
        """Create the object, or take the one that an earlier try of the same run made.

        Waits for an object of that name that is still being deleted, and replaces one whose owner is another than the
        manifest's. ObjectConflictError if it is somebody else's.
        """
        kind, name, namespace = _identify(manifest)
        doing = f"creating {kind.name} {namespace}/{name}"
        deadline = time.monotonic() + _GONE_SECONDS
        while True:
            try:
                return self._call("create", kind, doing, namespace=namespace, body=manifest)
            except ObjectConflictError as error:
                existing = self.find(kind.name, name, namespace)
                if existing is None:
                    continue
                _check_ours(existing, manifest, error)
                if existing.metadata.deletion_timestamp is None:
                    if _has_the_owner(existing, manifest):
                        return existing
                    # Its owner was deleted (a killed try's anchor), so Kubernetes is about to remove it.
                    self.delete(kind.name, name, namespace)
                if time.monotonic() > deadline:
                    raise
            time.sleep(_GONE_PAUSE_SECONDS)

    def find(self, kind_name: str, name: str, namespace: str) -> Any | None:
        """The object, or None."""
        kind = _BY_NAME[kind_name]
        try:
            return self._call("read", kind, f"reading {kind_name} {namespace}/{name}", name=name, namespace=namespace)
        except ObjectGoneError:
            return None

    def list(self, kind_name: str, namespace: str, selector: str) -> list[Any]:
        """Every object of the kind with these labels."""
        kind = _BY_NAME[kind_name]
        doing = f"listing {kind_name}s in {namespace}"
        return list(self._call("list", kind, doing, namespace=namespace, label_selector=selector).items)

    def delete(self, kind_name: str, name: str, namespace: str) -> None:
        """Ask for deletion with everything it owns; nothing happens if it is gone already."""
        kind = _BY_NAME[kind_name]
        doing = f"deleting {kind_name} {namespace}/{name}"
        try:
            self._call("delete", kind, doing, name=name, namespace=namespace, body=_background())
        except ObjectGoneError:
            return

    def annotate(self, kind_name: str, name: str, namespace: str, annotations: dict[str, str]) -> None:
        """Add annotations to an object."""
        kind = _BY_NAME[kind_name]
        body = {"metadata": {"annotations": annotations}}
        self._call(
            "patch", kind, f"annotating {kind_name} {namespace}/{name}", name=name, namespace=namespace, body=body
        )


def read_queue_address(cluster: ClusterClient, run: RunIdentity, namespace: str) -> QueueAddress | None:
    """Where the run's queue is, as deploy wrote it into the run's Secret; None before deploy or after cleanup."""
    secret = cluster.find("Secret", run.queue_name, namespace)
    return None if secret is None else queue_address_of(secret.data or {})


def queue_address_of(data: dict[str, str]) -> QueueAddress:
    """The address in a Secret's base64 data."""
    plain = {key: base64.b64decode(value).decode() for key, value in data.items()}
    return QueueAddress(
        host=plain["host"],
        port=int(plain["port"]),
        password=plain["password"] or None,
        username=plain["username"] or None,
        database=int(plain["database"]),
        tls=plain["tls"] == "true",
        prefix=plain["prefix"],
    )


def _identify(manifest: Manifest) -> tuple[Kind, str, str]:
    metadata = manifest["metadata"]
    return _BY_NAME[manifest["kind"]], metadata["name"], metadata["namespace"]


def _check_ours(existing: Any, manifest: Manifest, error: Exception) -> None:
    wanted = manifest["metadata"]["labels"][RUN_LABEL]
    if (existing.metadata.labels or {}).get(RUN_LABEL) != wanted:
        raise ObjectConflictError(
            f"{manifest['kind']} {existing.metadata.namespace}/{existing.metadata.name} exists and is not this run's "
            f"(its label {RUN_LABEL} is not {wanted}); remove it or rename it"
        ) from error


def _has_the_owner(existing: Any, manifest: Manifest) -> bool:
    wanted = {owner["uid"] for owner in manifest["metadata"].get("ownerReferences", ())}
    return wanted <= {owner.uid for owner in existing.metadata.owner_references or ()}


def _background() -> client.V1DeleteOptions:
    return client.V1DeleteOptions(propagation_policy="Background")


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE_SECONDS
    for _ in range(_TRIES - 1):
        yield pause
        pause *= 2


def _again_while_unavailable(once: Callable[[], T]) -> T:
    for pause in _pauses():
        try:
            return once()
        except ClusterUnavailableError:
            time.sleep(pause)
    return once()
