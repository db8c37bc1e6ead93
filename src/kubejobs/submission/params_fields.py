"""The flat fields of Airflow's trigger form: their JSON schemas with the form's titles, help and sections.

Rule: standard library only; see `params.py`.
"""

from __future__ import annotations

from kubejobs.submission import patterns
from kubejobs.submission.params_kinds import (
    CLUSTER,
    DAY_SECONDS,
    JOB,
    RESOURCES,
    SCALAR,
    SCALING,
    YEAR_SECONDS,
    Schema,
    choice,
    flag,
    number,
    object_field,
    schema_of,
    text,
    texts,
    whole,
)


def job_fields() -> dict[str, Schema]:
    """What runs, on what, until when."""
    return {
        "image": text(
            "Image",
            "Needed. Container image of the workers, such as docker.io/library/python:3.12-slim.",
            JOB,
            patterns.NO_BLANKS,
            maxLength=1024,
        ),
        "command": texts("Command", "The container's command, one part a line; empty: the image's own.", JOB),
        "args": texts("Arguments", "Arguments of the command, one a line.", JOB),
        "workload": schema_of(
            ["string", "object"],
            "Workload",
            "Needed, or items: URL of a file with one item a line (gzip is fine).",
            JOB,
            examples=["https://example.com/items.txt", "s3://bucket/items.txt.gz"],
        ),
        "items": texts(
            "Items",
            f"Instead of a workload's URL: at most {patterns.MAX_INLINE_ITEMS:,} items, one a line.",
            JOB,
        )
        | {"maxItems": patterns.MAX_INLINE_ITEMS},
        "workload_prioritized": flag(
            "Prioritized", "Each line begins with a priority from 0 to 9 and a tab. Default: false.", JOB
        ),
        "workload_open": flag(
            "Open", "More items will be appended; the run ends when its producer closes the queue. Default: false.", JOB
        ),
        "expected_time": number(
            "Expected time",
            "Needed. Seconds in which all items are expected to be done.",
            JOB,
            exclusiveMinimum=0,
            maximum=YEAR_SECONDS,
        ),
        "runner": object_field(
            "Runner",
            "For a plain program: it is run for each item. {}, or an object with mode, concurrency, timeout_seconds, …",
            JOB,
            properties=_runner_fields(),
            additionalProperties=False,
        ),
        "env": object_field(
            "Environment",
            "Variables of the workers. They are visible in Airflow: no secrets here.",
            JOB,
            additionalProperties=SCALAR,
        ),
        "report_url": text(
            "Report",
            "fsspec folder or file for the report. Default: the deployment's setting.",
            JOB,
            patterns.PRINTABLE,
            maxLength=4096,
        ),
    }  # fmt: skip (a table)


def _runner_fields() -> dict[str, Schema]:
    """The fields of `runner`, without what is for the form."""
    most = patterns.MAX_CONCURRENCY
    return {
        "mode": {"type": ["null", "string"], "enum": [None, "item", "lines"]},
        "concurrency": {"type": ["null", "integer"], "minimum": 1, "maximum": most},
        "timeout_seconds": {"type": ["null", "number"], "exclusiveMinimum": 0, "maximum": patterns.MAX_TIMEOUT_SECONDS},
        "fail_codes": {"type": ["null", "array"], "items": {"type": "integer", "minimum": 1, "maximum": 255}},
        "keep_result": {"type": ["null", "boolean"]},
        "on_sigterm": {"type": ["null", "string"], "enum": [None, "finish", "pass"]},
    }


def scaling_fields() -> dict[str, Schema]:
    """How many workers."""
    most = patterns.MAX_REPLICAS
    return {
        "policy": choice("Policy", "What decides the number of workers. Default: default.", SCALING, "default", "pid"),
        "initial_replicas": whole("Workers at the start", "Default: 1, or the fewest workers.", SCALING, 1, most),
        "min_replicas": whole("Fewest workers", "Never fewer workers than this. Default: 1.", SCALING, 1, most),
        "max_replicas": whole("Most workers", "Never more workers than this. Default: 10.", SCALING, 1, most),
        "check_interval": number(
            "Check interval",
            "Seconds between two looks at the queue. Default: 5.",
            SCALING,
            exclusiveMinimum=0,
            maximum=3600,
        ),
        "actuation_size": whole(
            "Step", "Policy default: workers added or removed at a time. Default: 1.", SCALING, 1, most
        ),
        "trigger_up": number(
            "Trigger up",
            "Policy default: add workers when behind by at least this share. Default: 0.",
            SCALING,
            minimum=0,
        ),
        "trigger_down": number(
            "Trigger down",
            "Policy default: remove workers when ahead by at least this share. Default: 0.",
            SCALING,
            minimum=0,
        ),
        "proportional_gain": number("Proportional gain", "Policy pid needs it: gain on the error.", SCALING),
        "derivative_gain": number("Derivative gain", "Policy pid needs it: gain on the error's change.", SCALING),
        "integral_gain": number("Integral gain", "Policy pid needs it: gain on the errors' sum.", SCALING),
        "integral_limit": number(
            "Integral limit", "Policy pid: bound on the errors' sum. Default: none.", SCALING, exclusiveMinimum=0
        ),
        "hold_when_nothing_queued": flag(
            "Hold when nothing is queued", "Add no worker while no item is queued. Default: false.", SCALING
        ),
        "drain": flag(
            "Drain",
            "Ask workers to finish their item before they are removed; for images with the client library, or with a "
            "runner. Default: true.",
            SCALING,
        ),
        "drain_seconds": number(
            "Drain limit",
            "Remove workers that have not finished after this many seconds all the same. Default: 600.",
            SCALING,
            minimum=0,
            maximum=YEAR_SECONDS,
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
        "cluster": text(
            "Cluster", "Airflow connection of the cluster. Default: kubernetes_default.", CLUSTER, patterns.CONNECTION
        ),
        "namespace": text("Namespace", "Default: the connection's, else default.", CLUSTER, patterns.KUBERNETES_NAME),
        "resources": object_field("Resources", f"What one worker gets. {quantities}", CLUSTER, **RESOURCES),
        "node_selector": object_field(
            "Node selector", "Labels that the workers' nodes must carry.", CLUSTER, additionalProperties=SCALAR
        ),
        "service_account": text(
            "Service account", "Of the workers. Default: the namespace's.", CLUSTER, patterns.OBJECT_NAME
        ),
        "image_pull_policy": choice(
            "Image pull policy", "As in Kubernetes.", CLUSTER, "Always", "IfNotPresent", "Never"
        ),
        "image_pull_secrets": texts(
            "Image pull secrets", "Names of secrets for the image's registry.", CLUSTER, pattern=patterns.OBJECT_NAME
        ),
        "run_as_user": whole(
            "User id", "Of the workers' processes, never root. Default: 65534.", CLUSTER, 1, 2_147_483_647
        ),
        "termination_grace_period": whole(
            "Grace period",
            "Seconds that a removed worker has to finish its item. Default: 30.",
            CLUSTER,
            0,
            DAY_SECONDS,
        ),
        "backoff_limit": whole(
            "Back-off limit", "Failed pods after which Kubernetes fails the Job. Default: 6.", CLUSTER, 0, 100_000
        ),
        "resources_lifetime": whole(
            "Lifetime after the end", "Seconds that the run's objects are kept. Default: 0.", CLUSTER, 0, YEAR_SECONDS
        ),
    }  # fmt: skip (a table)
