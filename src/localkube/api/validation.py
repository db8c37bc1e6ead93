"""Whether an object may be stored: names, required fields, fields that can't change.

Rule: every problem of an object is found at once. Only what the project uses is checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localkube import errors
from localkube.api.pod_validation import pod_spec_causes
from localkube.errors import Cause
from localkube.state.kinds import (
    CLAIMS,
    CONFIG_MAPS,
    EVENTS,
    JOBS,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICES,
    STATEFUL_SETS,
    Kind,
    Object,
)
from localkube.state.selectors import matches_labels

LABEL_LIMIT, NAME_LIMIT = 63, 253
_DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_DNS_1035_LABEL = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_LABEL_KEY = re.compile(r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
_DATA_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")

_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character"
)
_PLACEMENT = ("nodeSelector", "tolerations", "affinity", "schedulingGates")
_IMMUTABLE = "field is immutable"
_MUTABLE_POD_FIELDS = {"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations"}
_MUTABLE_SET_FIELDS = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}


def validate_new(kind: Kind, item: Object) -> None:
    """ApiError 422 if the object can't be created."""
    causes = _metadata_causes(kind, item)
    if kind in _CHECKS:
        causes += _CHECKS[kind](item)
    _refuse(kind, item, causes)


def validate_change(kind: Kind, before: Object, item: Object) -> None:
    """ApiError 422 if the object can't become this."""
    causes = _metadata_causes(kind, item)
    if kind in _CHECKS:
        causes += _CHECKS[kind](item)
    if kind in _CHANGES:
        causes += _CHANGES[kind](before, item)
    _refuse(kind, item, causes)


def _refuse(kind: Kind, item: Object, causes: list[Cause]) -> None:
    if causes:
        raise errors.invalid(kind.name, kind.group, item["metadata"].get("name", ""), causes)


def _metadata_causes(kind: Kind, item: Object) -> list[Cause]:
    name, labels = item["metadata"].get("name"), item["metadata"].get("labels") or {}
    causes = _name_causes(kind, name) if name else [Cause.required("metadata.name", "name or generateName is required")]
    return causes + label_causes("metadata.labels", labels)


def _name_causes(kind: Kind, name: str) -> list[Cause]:
    pattern, limit, rule = _SUBDOMAIN, NAME_LIMIT, _SUBDOMAIN_RULE
    if kind in (NAMESPACES, STATEFUL_SETS):
        pattern, limit, rule = _DNS_LABEL, LABEL_LIMIT, _LABEL_RULE
    elif kind is SERVICES:
        pattern, limit, rule = _DNS_1035_LABEL, LABEL_LIMIT, "a DNS-1035 label must begin with a letter"
    elif kind is JOBS:
        limit = LABEL_LIMIT
    if kind is EVENTS or (pattern.match(name) and len(name) <= limit):
        return []
    too_long = f"must be no more than {limit} characters"
    return [Cause.invalid("metadata.name", name, rule if len(name) <= limit else too_long)]


def label_causes(path: str, labels: Any) -> list[Cause]:
    """What is wrong with a map of labels."""
    if not isinstance(labels, dict):
        return [Cause.invalid(path, labels, "must be a map of strings")]
    causes = [Cause.invalid(path, key, "not a qualified name") for key in labels if not _LABEL_KEY.match(str(key))]
    rule = "a valid label must be at most 63 alphanumeric characters, '-', '_' or '.'"
    bad = [value for value in labels.values() if not _LABEL_VALUE.match(str(value)) or len(str(value)) > LABEL_LIMIT]
    return causes + [Cause.invalid(path, value, rule) for value in bad]


def _data(item: Object) -> list[Cause]:
    rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    keys = [*(item.get("data") or {}), *(item.get("binaryData") or {})]
    return [Cause.invalid(f"data[{key}]", key, rule) for key in keys if not _DATA_KEY.match(key)]


def _pod(item: Object) -> list[Cause]:
    return pod_spec_causes("spec", item["spec"])


def _natural(spec: dict[str, Any], *fields: str) -> list[Cause]:
    rule = "must be greater than or equal to 0"
    return [Cause.invalid(f"spec.{name}", spec[name], rule) for name in fields if (spec.get(name) or 0) < 0]


def _template(spec: dict[str, Any]) -> list[Cause]:
    template = spec.get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        return [Cause.required("spec.template.spec.containers")]
    labels = (template.get("metadata") or {}).get("labels") or {}
    return label_causes("spec.template.labels", labels) + pod_spec_causes("spec.template.spec", template["spec"])


def _job(item: Object) -> list[Cause]:
    spec = item["spec"]
    numbers = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
    causes = _natural(spec, *numbers) + _template(spec)
    template = (spec.get("template") or {}).get("spec") or {}
    policy = template.get("restartPolicy")
    if policy == "Always":
        message = 'Unsupported value: "Always": supported values: "OnFailure", "Never"'
        causes.append(Cause("spec.template.spec.restartPolicy", message, "FieldValueNotSupported"))
    if spec.get("podFailurePolicy") and policy != "Never":
        rule = 'only "Never" is supported when podFailurePolicy is specified'
        causes.append(Cause.invalid("spec.template.spec.restartPolicy", policy, rule))
    if spec.get("completionMode") != "NonIndexed":
        rule = "the embedded cluster offers NonIndexed only"
        causes.append(Cause.invalid("spec.completionMode", spec.get("completionMode"), rule))
    return causes


def _stateful_set(item: Object) -> list[Cause]:
    spec = item["spec"]
    causes = _natural(spec, "replicas") + _template(spec)
    if not spec.get("selector"):
        return [*causes, Cause.required("spec.selector")]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not matches_labels(spec["selector"], labels):
        causes.append(
            Cause.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
        )
    return causes


def _service(item: Object) -> list[Cause]:
    spec = item["spec"]
    if not spec.get("ports") and spec.get("clusterIP") != "None":
        return [Cause.required("spec.ports")]
    causes = []
    for index, port in enumerate(spec.get("ports") or []):
        if not isinstance(port.get("port"), int) or not 0 < port["port"] < 65536:  # noqa: PLR2004 -- TCP's range
            rule = "must be between 1 and 65535, inclusive"
            causes.append(Cause.invalid(f"spec.ports[{index}].port", port.get("port", 0), rule))
    return causes


def _claim(item: Object) -> list[Cause]:
    causes = [] if item["spec"].get("accessModes") else [Cause.required("spec.accessModes")]
    storage = ((item["spec"].get("resources") or {}).get("requests") or {}).get("storage")
    return causes if storage else [*causes, Cause.required("spec.resources[storage]")]


def _fixed(before: Object, item: Object, *fields: str) -> list[Cause]:
    old, new = before["spec"], item["spec"]
    changed = [name for name in fields if old.get(name) != new.get(name)]
    return [Cause.invalid(f"spec.{name}", new.get(name), _IMMUTABLE) for name in changed]


def _job_change(before: Object, item: Object) -> list[Cause]:
    causes = _fixed(before, item, "completions", "completionMode", "selector", "podFailurePolicy")
    old, new = before["spec"]["template"], item["spec"]["template"]
    # A suspended Job that has not started may still be told where to run.
    if before["spec"].get("suspend") and not before["status"].get("startTime"):
        old, new = _without_placement(old), _without_placement(new)
    return causes if old == new else [*causes, Cause.invalid("spec.template", "{...}", _IMMUTABLE)]


def _without_placement(template: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in template["spec"].items() if key not in _PLACEMENT}


def _only(before: Object, item: Object, mutable: set[str], what: str) -> list[Cause]:
    old = {key: value for key, value in before["spec"].items() if key not in mutable}
    new = {key: value for key, value in item["spec"].items() if key not in mutable}
    return [] if old == new else [Cause("spec", f"Forbidden: {what}", "FieldValueForbidden")]


def _pod_change(before: Object, item: Object) -> list[Cause]:
    def without_images(pod: Object) -> Object:
        containers = [{**container, "image": ""} for container in pod["spec"]["containers"]]
        return {"spec": pod["spec"] | {"containers": containers}}

    what = "pod updates may not change fields other than images, activeDeadlineSeconds and tolerations"
    return _only(without_images(before), without_images(item), _MUTABLE_POD_FIELDS, what)


def _set_change(before: Object, item: Object) -> list[Cause]:
    what = (
        "updates to statefulset spec for fields other than " + ", ".join(sorted(_MUTABLE_SET_FIELDS)) + " are forbidden"
    )
    return _only(before, item, _MUTABLE_SET_FIELDS, what)


def _frozen(before: Object, item: Object) -> list[Cause]:
    if not before.get("immutable") or before.get("data") == item.get("data"):
        return []
    return [Cause("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")]


def _service_change(before: Object, item: Object) -> list[Cause]:
    return _fixed(before, item, "clusterIP")


_CHECKS: dict[Kind, Callable[[Object], list[Cause]]] = {
    CONFIG_MAPS: _data,
    SECRETS: _data,
    PODS: _pod,
    JOBS: _job,
    STATEFUL_SETS: _stateful_set,
    SERVICES: _service,
    CLAIMS: _claim,
}
_CHANGES: dict[Kind, Callable[[Object, Object], list[Cause]]] = {
    CONFIG_MAPS: _frozen,
    SECRETS: _frozen,
    PODS: _pod_change,
    JOBS: _job_change,
    STATEFUL_SETS: _set_change,
    SERVICES: _service_change,
}
