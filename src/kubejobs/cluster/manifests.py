"""The run's Kubernetes objects as plain dictionaries.

Rule: pure; the same run and submission always give the same objects. Secrets appear in the Secret alone.
"""

from __future__ import annotations

from kubejobs.cluster.manifest_parts import (
    Manifest,
    container_security,
    metadata_object,
    pod_security,
    resources_of,
)
from kubejobs.cluster.worker_manifest import failure_rules, worker_pod_spec
from kubejobs.naming import COMPONENT_LABEL, QUEUE, RUN_LABEL, WORKER, RunIdentity
from kubejobs.settings import Settings
from kubejobs.submission.model import Submission
from kubejobs.workqueue.types import QueueAddress

QUEUE_PORT = 6379
EXPIRES_ANNOTATION = "kubejobs.io/expires-at"

# The server keeps everything that is acknowledged to have been written: an append-only file, synced every second.
_SERVER_CONFIG = """\
port {port}
{access}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
tcp-keepalive 60
"""
_CONFIG_DIR = "/etc/kubejobs"
_DATA_DIR = "/data"
_NOBODY = 65534
# A Job that nobody cleans up (Airflow is gone for good) removes itself after a day.
_JOB_TTL_SECONDS = 86_400
_RUNNER_IMAGE = Settings().runner_image


def anchor(run: RunIdentity, namespace: str) -> Manifest:
    """The ConfigMap that owns every other object: deleting it makes Kubernetes delete them all."""
    manifest = metadata_object("v1", "ConfigMap", run.anchor_name, namespace, run)
    manifest["data"] = {"dag_id": run.dag_id, "run_id": run.run_id}
    return manifest


def queue_service(run: RunIdentity, namespace: str) -> Manifest:
    """The address of the private queue server."""
    manifest = metadata_object("v1", "Service", run.queue_name, namespace, run, component=QUEUE)
    manifest["spec"] = {
        "selector": {RUN_LABEL: run.name, COMPONENT_LABEL: QUEUE},
        "ports": [{"name": "redis", "port": QUEUE_PORT, "targetPort": QUEUE_PORT}],
    }
    return manifest


def queue_secret(run: RunIdentity, namespace: str, address: QueueAddress) -> Manifest:
    """Everything needed to reach the queue; the private server's configuration too."""
    manifest = metadata_object("v1", "Secret", run.queue_name, namespace, run, component=QUEUE)
    manifest["type"] = "Opaque"
    manifest["stringData"] = {
        "host": address.host,
        "port": str(address.port),
        "username": address.username or "",
        "password": address.password or "",
        "database": str(address.database),
        "tls": "true" if address.tls else "false",
        "prefix": address.prefix,
        "queue.conf": _SERVER_CONFIG.format(port=QUEUE_PORT, access=_access(address)),
    }
    return manifest


def _access(address: QueueAddress) -> str:
    """Who may use the private server: whoever knows the password, or whoever reaches it."""
    return f"requirepass {address.password}" if address.password else "protected-mode no"


def queue_claim(run: RunIdentity, namespace: str, submission: Submission) -> Manifest:
    """The private server's volume, where the submission names a storage class."""
    manifest = metadata_object("v1", "PersistentVolumeClaim", run.queue_name, namespace, run, component=QUEUE)
    manifest["spec"] = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": submission.queue.storage_class,
        "resources": {"requests": {"storage": submission.queue.storage_size}},
    }
    return manifest


def queue_server(run: RunIdentity, namespace: str, submission: Submission, image: str) -> Manifest:
    """The private queue server: one pod that Kubernetes replaces, with its data on a volume."""
    claimed = submission.queue.storage_class is not None
    data = {"persistentVolumeClaim": {"claimName": run.queue_name}} if claimed else {"emptyDir": {}}
    labels = {**run.labels, COMPONENT_LABEL: QUEUE}
    manifest = metadata_object("apps/v1", "StatefulSet", run.queue_name, namespace, run, component=QUEUE)
    manifest["spec"] = {
        "replicas": 1,
        "serviceName": run.queue_name,
        "selector": {"matchLabels": {RUN_LABEL: run.name, COMPONENT_LABEL: QUEUE}},
        "template": {
            "metadata": {
                "labels": labels,
                # Moving the queue costs the run a pause; autoscalers are asked to leave it where it is.
                "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
            },
            "spec": {
                **pod_security(_NOBODY),
                "terminationGracePeriodSeconds": 30,
                "containers": [_server_container(image, submission)],
                "volumes": [
                    {"name": "config", "secret": {"secretName": run.queue_name, "items": _config_items()}},
                    {"name": "data", **data},
                ],
            },
        },
    }
    return manifest


def _config_items() -> list[Manifest]:
    return [{"key": "queue.conf", "path": "queue.conf"}]


def _server_container(image: str, submission: Submission) -> Manifest:
    return {
        "name": QUEUE,
        "image": image,
        "command": ["redis-server", f"{_CONFIG_DIR}/queue.conf"],
        "args": ["--bind", "$(POD_IP)", "--dir", _DATA_DIR],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "redis", "containerPort": QUEUE_PORT}],
        "readinessProbe": {"tcpSocket": {"port": QUEUE_PORT}, "periodSeconds": 2, "failureThreshold": 3},
        "resources": resources_of(submission.queue.resources),
        "securityContext": container_security(read_only=True),
        "volumeMounts": [
            {"name": "config", "mountPath": _CONFIG_DIR, "readOnly": True},
            {"name": "data", "mountPath": _DATA_DIR},
        ],
    }


def worker_job(
    run: RunIdentity,
    namespace: str,
    submission: Submission,
    address: QueueAddress,
    runner_image: str = _RUNNER_IMAGE,
) -> Manifest:
    """The Job of workers: no completions (it ends when the workers do), disruptions free of charge."""
    manifest = metadata_object("batch/v1", "Job", run.job_name, namespace, run, component=WORKER)
    manifest["spec"] = {
        "parallelism": submission.scaling.initial_replicas,
        "backoffLimit": submission.backoff_limit,
        "ttlSecondsAfterFinished": _JOB_TTL_SECONDS + submission.resources_lifetime,
        "podFailurePolicy": {"rules": failure_rules(submission)},
        "template": {
            "metadata": {"labels": {**run.labels, COMPONENT_LABEL: WORKER}},
            "spec": worker_pod_spec(run, submission, address, runner_image),
        },
    }
    return manifest


def owned_by(manifest: Manifest, owner_uid: str, run: RunIdentity) -> Manifest:
    """The same object, owned by the run's anchor."""
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": run.anchor_name, "uid": owner_uid}
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}
