"""The fields of Airflow's trigger form, as plain data: name, default, JSON schema.

Rule: standard library only and no pydantic, as every parse of the DAG file pays for it. A test keeps each field's
constraints equal to the model's. Every field is optional here, since a submission may be in either shape; what is
required, and what must hold between fields, `parse_submission` says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubejobs.submission.params_fields import cluster_fields, job_fields, scaling_fields
from kubejobs.submission.params_kinds import DOCUMENTS, LIMITS, NESTED, QUEUE, RESOURCES, Schema, choice, object_field
from kubejobs.submission.params_queue import queue_fields
from kubejobs.submission.prefilled import PRODUCT


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One field of the form: `Param(spec.default, **spec.schema)`; the default null means "not given"."""

    name: str
    default: Any
    schema: Schema


def trigger_params(prefilled: Mapping[str, Any] = PRODUCT) -> dict[str, ParamSpec]:
    """Every field of the trigger form by name, in the form's order, with what it is `prefilled` with."""
    table = {**job_fields(), **scaling_fields(), **cluster_fields(), **queue_fields(), **_nested(), **_documents()}
    return {name: ParamSpec(name, _fitting(prefilled.get(name), schema), schema) for name, schema in table.items()}


def _fitting(value: Any, schema: Schema) -> Any:
    """The value, or null where the schema forbids it: Airflow would refuse every submission for it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if value in schema.get("enum", [value]) and re.search(schema.get("pattern", ""), value) else None
    whole = isinstance(value, int) or "integer" not in schema["type"]
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    return value if whole and low <= value <= high and value > schema.get("exclusiveMinimum", -math.inf) else None


def _nested() -> dict[str, Schema]:
    """The product's own sections whole, for JSON conf; their fields are the flat ones above."""
    scaling = {name: _bare(schema) for name, schema in scaling_fields().items() if name != "drain"}
    queue = {name: _bare(schema) for name, schema in queue_fields().items() if schema["section"] == QUEUE}
    queue["connection"] = queue.pop("queue_connection")
    queue["authentication"] = queue.pop("queue_authentication")
    queue |= {
        "image": {"type": ["null", "string"]},
        "storage_class": {"type": ["null", "string"]},
        "storage_size": {"type": ["null", "string", "number"]},
        "resources": {"type": ["null", "object"], **RESOURCES},
    }
    limits = {name: _bare(schema) for name, schema in queue_fields().items() if schema["section"] == LIMITS}
    return {
        "scaling": _section("Scaling", "The fields of the section Scaling as one object.", scaling),
        "queue": _section("Queue", "connection, image, storage_class, storage_size, resources, …", queue),
        "limits": _section("Limits", "stall_seconds, max_failed_items, max_failed_ratio.", limits),
    }


def _section(title: str, description: str, fields: dict[str, Schema]) -> Schema:
    return object_field(title, description, NESTED, properties=fields, additionalProperties=False)


def _bare(schema: Schema) -> Schema:
    """The constraints alone, without what is for the form."""
    return {key: value for key, value in schema.items() if key not in _FORM_KEYS}


_FORM_KEYS = frozenset({"title", "description", "section", "examples", "values_display"})


def _documents() -> dict[str, Schema]:
    """The documents' shape.

    No rule here fails on `plugin_info` as a whole, and none looks at username or password: Airflow's answer to a bad
    value quotes the part that failed.
    """
    flat = {**job_fields(), **scaling_fields(), **cluster_fields()}
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
        "k8s_resources_control": {"type": ["null", "object"], **RESOURCES},
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
        "plugin": choice("Plugin", "With plugin_info below, instead of the fields above.", DOCUMENTS, "kubejobs"),
        "plugin_info": object_field(
            "Plugin info", "img, redis_workload, control_parameters, …", DOCUMENTS, properties=info
        ),
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
