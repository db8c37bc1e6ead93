"""The flat fields of Airflow's trigger form: their JSON schemas with the form's titles, help and sections.

Rule: standard library only; see `params.py`.
"""

from __future__ import annotations

from typing import Any

from kubejobs.submission import patterns

Schema = dict[str, Any]

JOB = "Run Parameters"  # the section that Airflow opens by itself
SCALING = "Scaling"
CLUSTER = "Cluster"
QUEUE = "Queue"
LIMITS = "Limits"
NESTED = "Nested fields (JSON)"
DOCUMENTS = "The documents' shape (JSON)"

_YEAR_SECONDS = 31_536_000
_DAY_SECONDS = 86_400


def _schema(kind: str | list[str], title: str, description: str, section: str, **rest: Any) -> Schema:
    kinds = [kind] if isinstance(kind, str) else kind
    return {"type": ["null", *kinds], "title": title, "description": description, "section": section, **rest}


def _whole(title: str, description: str, section: str, low: int, high: int) -> Schema:
    return _schema("integer", title, description, section, minimum=low, maximum=high)


def _number(title: str, description: str, section: str, **bounds: float) -> Schema:
    return _schema("number", title, description, section, **bounds)


def _text(title: str, description: str, section: str, pattern: str, **rest: Any) -> Schema:
    return _schema("string", title, description, section, pattern=f"^$|{pattern}", **rest)


def choice(title: str, description: str, section: str, *names: str) -> Schema:
    """A field with a list to choose from; null is the default."""
    return _schema("string", title, description, section, enum=[None, *names], values_display={"null": "(default)"})


def _texts(title: str, description: str, section: str, **items: Any) -> Schema:
    return _schema("array", title, description, section, items={"type": "string", **items})


def object_field(title: str, description: str, section: str, **rest: Any) -> Schema:
    """A field that the form shows as JSON."""
    return _schema("object", title, description, section, **rest)


_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
RESOURCES: Schema = {
    "properties": {
        "requests": {"type": ["null", "object"], "additionalProperties": {"type": ["string", "number"]}},
        "limits": {"type": ["null", "object"], "additionalProperties": {"type": ["string", "number"]}},
    },
    "additionalProperties": False,
}


def job_fields() -> dict[str, Schema]:
    """What runs, on what, until when."""
    return {
        "image": _text(
            "Image",
            "Needed. Container image of the workers, such as docker.io/library/python:3.12-slim.",
            JOB,
            patterns.NO_BLANKS,
            maxLength=1024,
        ),
        "command": _texts("Command", "The container's command, one part a line; empty: the image's own.", JOB),
        "args": _texts("Arguments", "Arguments of the command, one a line.", JOB),
        "workload": _schema(
            ["string", "object"],
            "Workload",
            "Needed, or items: URL of a file with one item a line (gzip is fine).",
            JOB,
            examples=["https://example.com/items.txt", "s3://bucket/items.txt.gz"],
        ),
        "items": _texts(
            "Items",
            f"Instead of a workload's URL: at most {patterns.MAX_INLINE_ITEMS:,} items, one a line.",
            JOB,
        )
        | {"maxItems": patterns.MAX_INLINE_ITEMS},
        "expected_time": _number(
            "Expected time",
            "Needed. Seconds in which all items are expected to be done.",
            JOB,
            exclusiveMinimum=0,
            maximum=_YEAR_SECONDS,
        ),
        "env": object_field(
            "Environment",
            "Variables of the workers. They are visible in Airflow: no secrets here.",
            JOB,
            additionalProperties=_SCALAR,
        ),
        "report_url": _text(
            "Report",
            "fsspec folder or file for the report. Default: the deployment's setting.",
            JOB,
            patterns.PRINTABLE,
            maxLength=4096,
        ),
    }  # fmt: skip (a table)


def scaling_fields() -> dict[str, Schema]:
    """How many workers."""
    most = patterns.MAX_REPLICAS
    return {
        "policy": choice("Policy", "What decides the number of workers. Default: default.", SCALING, "default", "pid"),
        "initial_replicas": _whole("Workers at the start", "Default: 1, or the fewest workers.", SCALING, 1, most),
        "min_replicas": _whole("Fewest workers", "Never fewer workers than this. Default: 1.", SCALING, 1, most),
        "max_replicas": _whole("Most workers", "Never more workers than this. Default: 10.", SCALING, 1, most),
        "check_interval": _number(
            "Check interval",
            "Seconds between two looks at the queue. Default: 5.",
            SCALING,
            exclusiveMinimum=0,
            maximum=3600,
        ),
        "actuation_size": _whole(
            "Step", "Policy default: workers added or removed at a time. Default: 1.", SCALING, 1, most
        ),
        "trigger_up": _number(
            "Trigger up",
            "Policy default: add workers when behind by at least this share. Default: 0.",
            SCALING,
            minimum=0,
        ),
        "trigger_down": _number(
            "Trigger down",
            "Policy default: remove workers when ahead by at least this share. Default: 0.",
            SCALING,
            minimum=0,
        ),
        "proportional_gain": _number("Proportional gain", "Policy pid needs it: gain on the error.", SCALING),
        "derivative_gain": _number("Derivative gain", "Policy pid needs it: gain on the error's change.", SCALING),
        "integral_gain": _number("Integral gain", "Policy pid needs it: gain on the errors' sum.", SCALING),
        "integral_limit": _number(
            "Integral limit", "Policy pid: bound on the errors' sum. Default: none.", SCALING, exclusiveMinimum=0
        ),
        "hold_when_nothing_queued": _schema(
            "boolean", "Hold when nothing is queued", "Add no worker while no item is queued. Default: false.", SCALING
        ),
        "actuator": choice(
            "Actuator",
            "k8s_replicas changes the Job; nop only records decisions. Default: k8s_replicas.",
            SCALING,
            "k8s_replicas",
            "nop",
        ),
        "metric_source": choice("Metric source", "Where progress is read. Default: redis.", SCALING, "redis"),
    }  # fmt: skip (a table)


def cluster_fields() -> dict[str, Schema]:
    """Where and how the workers run."""
    quantities = 'Such as {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}}.'
    return {
        "cluster": _text(
            "Cluster", "Airflow connection of the cluster. Default: kubernetes_default.", CLUSTER, patterns.CONNECTION
        ),
        "namespace": _text("Namespace", "Default: the connection's, else default.", CLUSTER, patterns.KUBERNETES_NAME),
        "resources": object_field("Resources", f"What one worker gets. {quantities}", CLUSTER, **RESOURCES),
        "node_selector": object_field(
            "Node selector", "Labels that the workers' nodes must carry.", CLUSTER, additionalProperties=_SCALAR
        ),
        "service_account": _text(
            "Service account", "Of the workers. Default: the namespace's.", CLUSTER, patterns.OBJECT_NAME
        ),
        "image_pull_policy": choice(
            "Image pull policy", "As in Kubernetes.", CLUSTER, "Always", "IfNotPresent", "Never"
        ),
        "image_pull_secrets": _texts(
            "Image pull secrets", "Names of secrets for the image's registry.", CLUSTER, pattern=patterns.OBJECT_NAME
        ),
        "run_as_user": _whole(
            "User id", "Of the workers' processes, never root. Default: 65534.", CLUSTER, 1, 2_147_483_647
        ),
        "termination_grace_period": _whole(
            "Grace period",
            "Seconds that a removed worker has to finish its item. Default: 30.",
            CLUSTER,
            0,
            _DAY_SECONDS,
        ),
        "backoff_limit": _whole(
            "Back-off limit", "Failed pods after which Kubernetes fails the Job. Default: 6.", CLUSTER, 0, 100_000
        ),
        "resources_lifetime": _whole(
            "Lifetime after the end", "Seconds that the run's objects are kept. Default: 0.", CLUSTER, 0, _YEAR_SECONDS
        ),
    }  # fmt: skip (a table)


def queue_fields() -> dict[str, Schema]:
    """The run's queue, and when a run is given up."""
    return {
        "queue_connection": _text(
            "Shared queue",
            "Airflow connection of a shared Redis. Default: a private one in the cluster.",
            QUEUE,
            patterns.CONNECTION,
        ),
        "queue_authentication": _schema(
            "boolean",
            "Password",
            "The private queue asks for its password; switch off for images that can't give one. Default: true.",
            QUEUE,
        ),
        "lease_seconds": _number(
            "Lease",
            "Seconds after which a silent worker's item goes to another. Default: 60.",
            QUEUE,
            exclusiveMinimum=0,
            maximum=_DAY_SECONDS,
        ),
        "max_attempts": _whole("Attempts", "How often an item may be started. Default: 3.", QUEUE, 1, 1000),
        "stall_seconds": _number(
            "Stall limit",
            "Fail when nothing happened for this many seconds. Default: 1800.",
            LIMITS,
            exclusiveMinimum=0,
        ),
    }  # fmt: skip (a table)
