"""The frozen `Submission` that every later stage works from; the single place that says what is allowed.

Field names are the product's own; `documents.py` translates the documents' shape into them.
Durations are in seconds and say so in their names, except where the documents' own word is kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kubejobs.submission import patterns
from kubejobs.submission.patterns import DEFAULT_REQUESTS, MAX_REPLICAS


def _as_text(value: Any) -> Any:
    """Numbers and truth values as the text that a container would get; JSON and YAML authors leave out the quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _number_as_text(value: Any) -> Any:
    return value if isinstance(value, bool) else _as_text(value)


KubernetesName = Annotated[str, Field(pattern=patterns.KUBERNETES_NAME)]
ObjectName = Annotated[str, Field(pattern=patterns.OBJECT_NAME)]
ConnectionId = Annotated[str, Field(pattern=patterns.CONNECTION)]
Location = Annotated[str, Field(pattern=patterns.PRINTABLE, max_length=4096)]
ImageName = Annotated[str, Field(pattern=patterns.NO_BLANKS, max_length=1024)]
Quantity = Annotated[str, Field(pattern=patterns.QUANTITY, max_length=32), BeforeValidator(_number_as_text)]
ResourceName = Annotated[str, Field(pattern=patterns.RESOURCE, max_length=317)]
LabelKey = Annotated[str, Field(pattern=patterns.LABEL_KEY, max_length=317)]
LabelValue = Annotated[str, Field(pattern=patterns.LABEL_VALUE), BeforeValidator(_as_text)]
VariableName = Annotated[str, Field(pattern=patterns.VARIABLE, max_length=256)]
VariableValue = Annotated[str, BeforeValidator(_as_text)]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _small_requests() -> dict[str, str]:
    return dict(DEFAULT_REQUESTS)


class Resources(_Strict):
    """Kubernetes resource quantities of one pod."""

    requests: dict[ResourceName, Quantity] = Field(
        default_factory=_small_requests,
        description='What the scheduler reserves for one pod, such as {"cpu": "500m", "memory": "1Gi"}.',
        json_schema_extra={"default": dict(DEFAULT_REQUESTS)},
    )
    limits: dict[ResourceName, Quantity] = Field(default_factory=dict, description="What one pod may use at most.")


class Scaling(_Strict):
    """How many workers, and the policy that decides it."""

    policy: Literal["default", "pid"] = Field("default", description="Which policy decides the number of workers.")
    initial_replicas: Count = Field(1, ge=1, le=MAX_REPLICAS, description="Workers at the start.")
    min_replicas: Count = Field(1, ge=1, le=MAX_REPLICAS, description="Never fewer workers than this.")
    max_replicas: Count = Field(10, ge=1, le=MAX_REPLICAS, description="Never more workers than this.")
    check_interval: PositiveSeconds = Field(5.0, le=3600, description="Seconds between two looks at the queue.")
    actuator: Literal["k8s_replicas", "nop"] = Field(
        "k8s_replicas", description="k8s_replicas changes the Job's parallelism; nop only records the decisions."
    )
    metric_source: Literal["redis"] = Field("redis", description="Where progress is read.")
    actuation_size: Count = Field(
        1, ge=1, le=MAX_REPLICAS, description="default policy: workers added or removed a step."
    )
    trigger_up: Number = Field(
        0.0,
        ge=0,
        description="default policy: add workers when progress is behind by at least this share (0.1 = 10 %).",
    )
    trigger_down: Number = Field(
        0.0,
        ge=0,
        description="default policy: remove workers when progress is ahead by at least this share.",
    )
    proportional_gain: Number = Field(0.0, description="pid policy: gain on the error.")
    derivative_gain: Number = Field(0.0, description="pid policy: gain on the error's change.")
    integral_gain: Number = Field(0.0, description="pid policy: gain on the error's sum.")
    integral_limit: Number | None = Field(
        None,
        gt=0,
        description="pid policy: bound on the errors' absolute sum (anti-windup); none, as in the original.",
    )
    hold_when_nothing_queued: Flag = Field(
        default=False, description="Any policy: add no worker while no item is queued; the original adds them."
    )


class Workload(_Strict):
    """Where the items come from; exactly one of `url` and `items`."""

    url: Location | None = Field(None, description="http(s), file or any installed fsspec URL; one item a line.")
    items: tuple[str, ...] | None = Field(None, description="The items themselves.")


class Queue(_Strict):
    """The run's Redis: a private server in the cluster, or a shared one by Airflow connection."""

    connection: ConnectionId | None = Field(
        None, description="Airflow connection of a shared Redis; none: a private one."
    )
    image: ImageName | None = Field(None, description="Image of the private server; none: the setting queue_image.")
    storage_class: ObjectName | None = Field(
        None, description="Storage class of the private server's volume; none: an emptyDir."
    )
    storage_size: Quantity = Field("1Gi", description="Size of that volume.")
    resources: Resources = Field(default_factory=Resources, description="Resources of the private server.")
    lease_seconds: PositiveSeconds = Field(
        60.0, le=86_400, description="An item whose worker is silent for this long is given to another worker."
    )
    max_attempts: Count = Field(3, ge=1, le=1000, description="How often an item may be started before it is given up.")
    authentication: Flag = Field(
        default=True,
        description="The private server asks for the run's password; false for images that can't give one.",
    )


class Limits(_Strict):
    """When control gives up on a run."""

    stall_seconds: PositiveSeconds = Field(
        1800.0, description="Fail when nothing was done, failed or leased for this long."
    )


class Submission(_Strict):
    """One batch job: an image, a command, a workload and the time in which it is expected to finish."""

    image: ImageName = Field(description="Container image of the workers.")
    command: tuple[str, ...] = Field(default=(), description="The container's command; empty: the image's own.")
    args: tuple[str, ...] = Field(default=(), description="Arguments of the command.")
    workload: Workload = Field(description="Where the items come from.")
    expected_time: PositiveSeconds = Field(
        le=31_536_000, description="Seconds in which all items are expected to be done."
    )
    scaling: Scaling = Field(default_factory=Scaling, description="How many workers, and the policy that decides it.")
    queue: Queue = Field(default_factory=Queue, description="The run's Redis.")
    limits: Limits = Field(default_factory=Limits, description="When control gives up on the run.")
    cluster: ConnectionId = Field("kubernetes_default", description="Airflow connection of the cluster.")
    namespace: KubernetesName | None = Field(None, description="Namespace; none: the connection's, else `default`.")
    env: dict[VariableName, VariableValue] = Field(default_factory=dict, description="Environment of the workers.")
    resources: Resources = Field(default_factory=Resources, description="What one worker gets of the cluster.")
    node_selector: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description="Labels that the workers' nodes must carry."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(None, description="As in Kubernetes.")
    image_pull_secrets: tuple[ObjectName, ...] = Field(default=(), description="Secrets for the image's registry.")
    service_account: ObjectName | None = Field(None, description="Service account of the workers.")
    run_as_user: Count = Field(
        65534,
        ge=1,
        le=2_147_483_647,
        description="User id of the workers' processes; never root, whatever the image says.",
    )
    termination_grace_period: Count = Field(
        30, ge=0, le=86_400, description="Seconds that a worker has to finish its item when it is removed."
    )
    backoff_limit: Count = Field(6, ge=0, le=100_000, description="Failed pods after which Kubernetes fails the Job.")
    resources_lifetime: Count = Field(
        0, ge=0, le=31_536_000, description="Seconds that the run's objects are kept after its end."
    )
    report_url: Location | None = Field(None, description="fsspec folder or file for the report; none: the setting.")

    def deadline(self, started_at: float) -> float:
        """When the run is expected to end, in seconds since the epoch, given when its clock started."""
        return started_at + self.expected_time
