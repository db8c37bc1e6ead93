"""Every field of the documents' shape: where it goes in the product's own, or that it has no effect, and why.

The reference in docs/submission.md is made of this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubejobs.submission.paths import Path

DROPPED = frozenset({"username", "password"})
"""Accepted because the documents have them; taken out at once, never used, shown, logged or stored."""

GROUPS = (
    "control_parameters",
    "control_parameters.heuristic_options",
    "monitor_info",
    "k8s_resources_control",
)
"""Objects of `plugin_info` whose fields are listed one by one."""


@dataclass(frozen=True, slots=True)
class DocumentField:
    """One field of `plugin_info`; `name` is dotted, `target` its place in the product's shape.

    `kind` is said only where the target's own schema does not; `allowed` lists the only values of a plugin's name.
    """

    name: str
    target: Path | None
    meaning: str
    kind: str = ""
    allowed: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """The dotted name in parts."""
        return tuple(self.name.split("."))


def _control(name: str, target: str, meaning: str) -> DocumentField:
    return DocumentField(f"control_parameters.{name}", ("scaling", target), meaning)


def _gain(name: str, meaning: str) -> DocumentField:
    return _control(f"heuristic_options.{name}", name, meaning)


DOCUMENT_FIELDS: tuple[DocumentField, ...] = (
    DocumentField("img", ("image",), "Container image of the workers."),
    DocumentField("cmd", ("command",), "The container's command, a list of texts; empty or absent: the image's own."),
    DocumentField("init_size", ("scaling", "initial_replicas"), "Workers at the start."),
    DocumentField("redis_workload", ("workload", "url"), "URL of a file with one item a line."),
    DocumentField("env_vars", ("env",), "Environment of the workers; numbers and truth values become text."),
    DocumentField("config_id", None, "Reaches the workers as the variable `SCONE_CONFIG_ID`.", kind="text"),
    DocumentField("control_plugin", None, "Which control logic.", allowed=("kubejobs",)),
    _control("schedule_strategy", "policy", "Which policy decides the number of workers."),
    _control("min_rep", "min_replicas", "Never fewer workers than this."),
    _control("max_rep", "max_replicas", "Never more workers than this."),
    DocumentField(
        "control_parameters.max_size",
        None,
        "A second bound on the workers: the smaller of `max_size` and `max_rep` counts. The original ignores it.",
        kind="a whole number of at least 1",
    ),
    _control("check_interval", "check_interval", "Seconds between two looks at the queue."),
    _control("trigger_up", "trigger_up", "`default`: how far behind progress must be before workers are added."),
    _control("trigger_down", "trigger_down", "`default`: how far ahead progress must be before workers are removed."),
    _control("actuation_size", "actuation_size", "`default`: workers added or removed a step."),
    _control("actuator", "actuator", "What acts on a decision; `k8s-replicas` is read as `k8s_replicas`."),
    _control("metric_source", "metric_source", "Where progress is read."),
    _gain("proportional_gain", "`pid`: gain on the error."),
    _gain("derivative_gain", "`pid`: gain on the error's change."),
    _gain("integral_gain", "`pid`: gain on the error's sum."),
    _gain("integral_limit", "`pid`: bound on that sum; the original has none."),
    DocumentField("monitor_plugin", None, "Which monitor.", allowed=("kubejobs",)),
    DocumentField(
        "monitor_info.expected_time", ("expected_time",), "Seconds in which all items are expected to be done."
    ),
    DocumentField(
        "enable_visualizer",
        None,
        "No effect: every run has its page in Airflow. When true, the next two are required, as in the original.",
        kind="true or false",
    ),
    DocumentField("visualizer_plugin", None, "No effect.", allowed=("k8s-grafana",)),
    DocumentField("visualizer_info", None, "No effect; any object.", kind="an object"),
    DocumentField("enable_detailed_report", None, "No effect: every report is detailed.", kind="true or false"),
    DocumentField("cluster_name", ("cluster",), "Airflow connection of the cluster."),
    DocumentField("namespace", ("namespace",), "Namespace of the run's objects."),
    DocumentField(
        "termination_grace_period_seconds",
        ("termination_grace_period",),
        "Seconds that a worker has to finish its item when it is removed.",
    ),
    DocumentField(
        "selectors",
        None,
        'Labels of the workers\' nodes, `[{"key": …, "value": …}]`; keys are read in lower case, as in the original.',
        kind="a list of {key, value}",
    ),
    DocumentField(
        "k8s_resources_control.requests", ("resources", "requests"), "What the scheduler reserves for a worker."
    ),
    DocumentField("k8s_resources_control.limits", ("resources", "limits"), "What a worker may use at most."),
    DocumentField("secrets", ("image_pull_secrets",), "Names of secrets for the image's registry."),
    DocumentField(
        "job_resources_lifetime",
        ("resources_lifetime",),
        "Seconds that the run's objects are kept after its end; a number in quotes is read too.",
    ),
)
