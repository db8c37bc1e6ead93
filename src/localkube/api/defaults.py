"""What the API fills in when an object leaves it out.

Rule: each function changes a fresh copy that nobody else sees yet.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from localkube.state.kinds import CLAIMS, JOBS, NAMESPACES, PODS, SECRETS, SERVICES, STATEFUL_SETS, Kind, Object
from localkube.state.objects import new_uid

_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


def _fill(target: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        target.setdefault(key, value)


def pod_spec(spec: dict[str, Any]) -> None:
    """Defaults of a pod, or of a template's pod."""
    _fill(
        spec,
        {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "securityContext": {},
        },
    )
    for item in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        if isinstance(item, dict):
            _container(item)


def _container(item: dict[str, Any]) -> None:
    tag = str(item.get("image", "")).rpartition("/")[2].partition(":")[2]
    _fill(
        item,
        {
            "imagePullPolicy": "Always" if tag in ("", "latest") else "IfNotPresent",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    )
    limits, requests = item["resources"].get("limits"), item["resources"].get("requests") or {}
    if limits:
        item["resources"]["requests"] = limits | requests
    for port in item.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for probe in (item[name] for name in _PROBES if item.get(name)):
        _fill(probe, _PROBE)
        if "httpGet" in probe:
            _fill(probe["httpGet"], {"path": "/", "scheme": "HTTP"})
    for entry in item.get("env") or []:
        field = (entry.get("valueFrom") or {}).get("fieldRef")
        if field:
            field.setdefault("apiVersion", "v1")


def _pod(item: Object) -> None:
    pod_spec(item["spec"])
    item["spec"].setdefault("serviceAccountName", "default")
    item["status"] = {"phase": "Pending", "qosClass": _quality(item["spec"])}


def _quality(spec: dict[str, Any]) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or []]
    if not any(one.get("limits") or one.get("requests") for one in resources):
        return "BestEffort"
    full = all(
        {"cpu", "memory"} <= set(one.get("limits") or {}) and one["limits"] == one["requests"] for one in resources
    )
    return "Guaranteed" if full else "Burstable"


def _job(item: Object) -> None:
    spec = item["spec"]
    item["metadata"]["uid"] = uid = new_uid()
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    careful = bool(spec.get("podFailurePolicy"))
    _fill(
        spec,
        {
            "parallelism": 1,
            "backoffLimit": 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            "manualSelector": False,
            "podReplacementPolicy": "Failed" if careful else "TerminatingOrFailed",
        },
    )
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or []:
        for pattern in rule.get("onPodConditions") or []:
            pattern.setdefault("status", "True")
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        own = {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": item["metadata"].get("name", ""),
        }
        old = {"controller-uid": uid, "job-name": item["metadata"].get("name", "")}
        metadata = template.setdefault("metadata", {})
        metadata["labels"] = (metadata.get("labels") or {}) | own | old
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        pod_spec(template["spec"])
        if not item["metadata"].get("labels"):
            item["metadata"]["labels"] = dict(metadata["labels"])
    item["status"] = {}


def _stateful_set(item: Object) -> None:
    spec = item["spec"]
    _fill(
        spec,
        {
            "replicas": 1,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        },
    )
    if isinstance(spec.get("template"), dict) and isinstance(spec["template"].get("spec"), dict):
        pod_spec(spec["template"]["spec"])
    item["status"] = {"replicas": 0, "availableReplicas": 0}


def _service(item: Object) -> None:
    spec = item["spec"]
    _fill(
        spec,
        {
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
    )
    for port in spec.get("ports") or []:
        _fill(port, {"protocol": "TCP", "targetPort": port.get("port")})
    item["status"] = {"loadBalancer": {}}


def secret_strings(item: Object) -> None:
    """`stringData` becomes `data`."""
    plain = item.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        item["data"] = (item.get("data") or {}) | encoded


def _secret(item: Object) -> None:
    secret_strings(item)
    item.setdefault("type", "Opaque")


def _claim(item: Object) -> None:
    item["spec"].setdefault("volumeMode", "Filesystem")
    item["status"] = {"phase": "Pending"}


def _namespace(item: Object) -> None:
    metadata = item["metadata"]
    metadata["labels"] = (metadata.get("labels") or {}) | {"kubernetes.io/metadata.name": metadata.get("name", "")}
    item.setdefault("spec", {})["finalizers"] = ["kubernetes"]
    item["status"] = {"phase": "Active"}


_DEFAULTS: dict[Kind, Callable[[Object], None]] = {
    NAMESPACES: _namespace,
    SECRETS: _secret,
    SERVICES: _service,
    CLAIMS: _claim,
    PODS: _pod,
    JOBS: _job,
    STATEFUL_SETS: _stateful_set,
}
_WITH_SPEC = (SERVICES, CLAIMS, PODS, JOBS, STATEFUL_SETS)


def apply_defaults(kind: Kind, item: Object) -> None:
    """Fill in what the kind's objects have when they say nothing."""
    if kind in _WITH_SPEC and not isinstance(item.get("spec"), dict):
        item["spec"] = {}
    if kind in _DEFAULTS:
        _DEFAULTS[kind](item)
