"""The fields of Airflow's trigger form, as plain data: name, default, JSON schema.

Rule: standard library only and no pydantic, as every parse of the DAG file pays for it. A test keeps each field's
constraints equal to the model's. Every field is optional here, since a submission may be in either shape; what is
required, and what must hold between fields, `parse_submission` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubejobs.submission import patterns

Schema = dict[str, Any]

JOB = "Job"
SCALING = "Scaling"
CLUSTER = "Cluster"
QUEUE = "Queue"
LIMITS = "Limits"
NESTED = "Nested fields (JSON)"
DOCUMENTS = "The documents' shape (JSON)"

_YEAR_SECONDS = 31_536_000
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One field of the form: `Param(spec.default, **spec.schema)`; the default is null, which means "not given"."""

    name: str
    default: Any
    schema: Schema


def trigger_params() -> dict[str, ParamSpec]:
    """Every field of the trigger form by name, in the form's order."""
    table = {**_job(), **_scaling(), **_cluster(), **_queue(), **_nested(), **_documents()}
    return {name: ParamSpec(name, None, schema) for name, schema in table.items()}


def _schema(kind: str | list[str], title: str, description: str, section: str, **rest: Any) -> Schema:
    kinds = [kind] if isinstance(kind, str) else kind
    return {"type": ["null", *kinds], "title": title, "description": description, "section": section, **rest}


def _whole(title: str, description: str, section: str, low: int, high: int) -> Schema:
    return _schema("integer", title, description, section, minimum=low, maximum=high)


def _number(title: str, description: str, section: str, **bounds: float) -> Schema:
    return _schema("number", title, description, section, **bounds)


def _text(title: str, description: str, section: str, pattern: str, **rest: Any) -> Schema:
    return _schema("string", title, description, section, pattern=f"^$|{pattern}", **rest)


def _choice(title: str, description: str, section: str, *names: str) -> Schema:
    return _schema("string", title, description, section, enum=[None, *names], values_display={"null": "(default)"})


def _texts(title: str, description: str, section: str, **items: Any) -> Schema:
    return _schema("array", title, description, section, items={"type": "string", **items})


def _map(title: str, description: str, section: str, **rest: Any) -> Schema:
    return _schema("object", title, description, section, **rest)


_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_RESOURCES: Schema = {
    "properties": {
        "requests": {"type": ["null", "object"], "additionalProperties": {"type": ["string", "number"]}},
        "limits": {"type": ["null", "object"], "additionalProperties": {"type": ["string", "number"]}},
    },
    "additionalProperties": False,
}


def _job() -> dict[str, Schema]:
    return {
        "image": _text(
            "Image",
            "Container image of the workers.",
            JOB,
            patterns.NO_BLANKS,
            maxLength=1024,
            examples=["docker.io/library/python:3.12-slim"],
        ),
        "command": _texts("Command", "The container's command, one part a line; empty: the image's own.", JOB),
        "args": _texts("Arguments", "Arguments of the command, one a line.", JOB),
        "workload": _schema(
            ["string", "object"],
            "Workload",
            "URL of a file with one item a line (gzip is fine).",
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
            "Seconds in which all items are expected to be done.",
            JOB,
            exclusiveMinimum=0,
            maximum=_YEAR_SECONDS,
        ),
        "env": _map(
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


def _scaling() -> dict[str, Schema]:
    most = patterns.MAX_REPLICAS
    return {
        "policy": _choice("Policy", "What decides the number of workers. Default: default.", SCALING, "default", "pid"),
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
        "actuator": _choice(
            "Actuator",
            "k8s_replicas changes the Job; nop only records decisions. Default: k8s_replicas.",
            SCALING,
            "k8s_replicas",
            "nop",
        ),
        "metric_source": _choice("Metric source", "Where progress is read. Default: redis.", SCALING, "redis"),
    }  # fmt: skip (a table)


def _cluster() -> dict[str, Schema]:
    quantities = 'Such as {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}}.'
    return {
        "cluster": _text(
            "Cluster", "Airflow connection of the cluster. Default: kubernetes_default.", CLUSTER, patterns.CONNECTION
        ),
        "namespace": _text("Namespace", "Default: the connection's, else default.", CLUSTER, patterns.KUBERNETES_NAME),
        "resources": _map("Resources", f"What one worker gets. {quantities}", CLUSTER, **_RESOURCES),
        "node_selector": _map(
            "Node selector", "Labels that the workers' nodes must carry.", CLUSTER, additionalProperties=_SCALAR
        ),
        "service_account": _text(
            "Service account", "Of the workers. Default: the namespace's.", CLUSTER, patterns.OBJECT_NAME
        ),
        "image_pull_policy": _choice(
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


def _queue() -> dict[str, Schema]:
    return {
        "queue_connection": _text(
            "Shared queue",
            "Airflow connection of a shared Redis. Default: a private one in the cluster.",
            QUEUE,
            patterns.CONNECTION,
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


def _nested() -> dict[str, Schema]:
    """The product's own sections whole, for JSON conf; their fields are the flat ones above."""
    scaling = {name: _bare(schema) for name, schema in _scaling().items()}
    queue = {name: _bare(schema) for name, schema in _queue().items() if schema["section"] == QUEUE}
    queue["connection"] = queue.pop("queue_connection")
    queue |= {
        "image": {"type": ["null", "string"]},
        "storage_class": {"type": ["null", "string"]},
        "storage_size": {"type": ["null", "string", "number"]},
        "resources": {"type": ["null", "object"], **_RESOURCES},
    }
    limits = {"stall_seconds": _bare(_queue()["stall_seconds"])}
    return {
        "scaling": _section("Scaling", "The fields of the section Scaling as one object.", scaling),
        "queue": _section("Queue", "connection, image, storage_class, storage_size, resources, …", queue),
        "limits": _section("Limits", "stall_seconds.", limits),
    }


def _section(title: str, description: str, fields: dict[str, Schema]) -> Schema:
    return _map(title, description, NESTED, properties=fields, additionalProperties=False)


def _bare(schema: Schema) -> Schema:
    """The constraints alone, without what is for the form."""
    return {key: value for key, value in schema.items() if key not in _FORM_KEYS}


_FORM_KEYS = frozenset({"title", "description", "section", "examples", "values_display"})


def _documents() -> dict[str, Schema]:
    """The documents' shape.

    No rule here fails on `plugin_info` as a whole, and none looks at username or password: Airflow's answer to a bad
    value quotes the part that failed.
    """
    flat = {**_job(), **_scaling(), **_cluster()}
    control = {name: _bare(flat[target]) for name, target in _CONTROL.items()}
    control["actuator"] = {"type": ["null", "string"]}
    control["max_size"] = {"type": ["null", "integer"], "minimum": 1}
    gains = {name: _bare(flat[name]) for name in _GAINS}
    control["heuristic_options"] = {"type": ["null", "object"], "properties": gains}
    monitor = {"expected_time": _bare(flat["expected_time"])}
    info: dict[str, Schema] = {name: _bare(flat[target]) for name, target in _INFO.items()}
    info |= {
        "redis_workload": {"type": ["null", "string"], "maxLength": 4096},
        "job_resources_lifetime": {"type": ["null", "integer", "string"]},
        "control_parameters": {"type": ["null", "object"], "properties": control},
        "monitor_info": {"type": ["null", "object"], "properties": monitor},
        "k8s_resources_control": {"type": ["null", "object"], **_RESOURCES},
        "selectors": {"type": ["null", "array"], "items": {"type": "object", "required": ["key", "value"]}},
        "config_id": {"type": ["null", "string"]},
        "control_plugin": {"enum": [None, "kubejobs"]},
        "monitor_plugin": {"enum": [None, "kubejobs"]},
        "visualizer_plugin": {"enum": [None, "k8s-grafana"]},
        "visualizer_info": {"type": ["null", "object"]},
        "enable_visualizer": {"type": ["null", "boolean"]},
        "enable_detailed_report": {"type": ["null", "boolean"]},
    }
    return {
        "plugin": _choice("Plugin", "With plugin_info below, instead of the fields above.", DOCUMENTS, "kubejobs"),
        "plugin_info": _map("Plugin info", "img, redis_workload, control_parameters, …", DOCUMENTS, properties=info),
    }


_INFO = {
    "img": "image",
    "cmd": "command",
    "env_vars": "env",
    "init_size": "initial_replicas",
    "cluster_name": "cluster",
    "namespace": "namespace",
    "termination_grace_period_seconds": "termination_grace_period",
    "secrets": "image_pull_secrets",
}
_CONTROL = {
    "schedule_strategy": "policy",
    "min_rep": "min_replicas",
    "max_rep": "max_replicas",
    "check_interval": "check_interval",
    "trigger_up": "trigger_up",
    "trigger_down": "trigger_down",
    "actuation_size": "actuation_size",
    "metric_source": "metric_source",
}
_GAINS = ("proportional_gain", "derivative_gain", "integral_gain", "integral_limit")
