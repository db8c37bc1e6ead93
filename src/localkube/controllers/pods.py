"""A pod made from a template, as the controllers make them."""

from __future__ import annotations

import copy
from typing import Any

from localkube.api.defaults import apply_defaults
from localkube.state.kinds import PODS, Kind, Object
from localkube.state.objects import controller_reference, namespace_of
from localkube.state.store import Store


def create_pod(store: Store, kind: Kind, owner: Object, name: str, labels: dict[str, str]) -> Object:
    """Create the pod `name` from the owner's template, with `labels` added."""
    template = copy.deepcopy(owner["spec"]["template"])
    metadata: dict[str, Any] = dict(template.get("metadata") or {})
    metadata |= {
        "name": name,
        "namespace": namespace_of(owner),
        "labels": (metadata.get("labels") or {}) | labels,
        "ownerReferences": [controller_reference(kind, owner)],
    }
    pod = {"metadata": metadata, "spec": template["spec"]}
    apply_defaults(PODS, pod)
    return store.create(PODS, pod)
