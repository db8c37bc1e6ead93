"""The frozen `Submission` that every later stage works from; the single place that says what is allowed.

Field names are the product's own; `documents.py` translates the documents' shape into them.
Durations are in seconds and say so in their names, except where the documents' own word is kept.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_INLINE_ITEMS = 10_000
MAX_REPLICAS = 10_000

_KUBERNETES_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"

KubernetesName = Annotated[str, Field(pattern=_KUBERNETES_NAME)]
Quantity = Annotated[str, Field(pattern=_QUANTITY)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


ResourceName = Literal["cpu", "memory", "ephemeral-storage"]


def _small_requests() -> dict[ResourceName, str]:
    return {"cpu": "100m", "memory": "128Mi"}


class Resources(_Strict):
    """Kubernetes resource quantities of one worker pod."""

    requests: dict[ResourceName, Quantity] = Field(
        default_factory=_small_requests,
        description='What the scheduler reserves for one worker, such as {"cpu": "500m", "memory": "1Gi"}.',
    )
    limits: dict[ResourceName, Quantity] = Field(default_factory=dict, description="What one worker may use at most.")


class Scaling(_Strict):
    """How many workers, and the policy that decides it."""

    policy: Literal["default", "pid"] = Field("default", description="Which policy decides the number of workers.")
    initial_replicas: int = Field(1, ge=1, le=MAX_REPLICAS, description="Workers at the start.")
    min_replicas: int = Field(1, ge=1, le=MAX_REPLICAS, description="Never fewer workers than this.")
    max_replicas: int = Field(10, ge=1, le=MAX_REPLICAS, description="Never more workers than this.")
    check_interval: PositiveSeconds = Field(5.0, le=3600, description="Seconds between two looks at the queue.")
    actuator: Literal["k8s_replicas", "nop"] = Field(
        "k8s_replicas", description="k8s_replicas changes the Job's parallelism; nop only records the decisions."
    )
    metric_source: Literal["redis"] = Field("redis", description="Where progress is read.")
    actuation_size: int = Field(
        1, ge=1, le=MAX_REPLICAS, description="default policy: workers added or removed a step."
    )
    trigger_up: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="default policy: add workers when progress is behind the reference by at least this share (0.1 = 10 %).",
    )
    trigger_down: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="default policy: remove workers when progress is ahead of the reference by at least this share.",
    )
    proportional_gain: float = Field(0.0, allow_inf_nan=False, description="pid policy: gain on the error.")
    derivative_gain: float = Field(0.0, allow_inf_nan=False, description="pid policy: gain on the error's change.")
    integral_gain: float = Field(0.0, allow_inf_nan=False, description="pid policy: gain on the error's sum.")
    integral_limit: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="pid policy: bound on the absolute sum of errors (anti-windup); none, as in the original, by default.",
    )


class Workload(_Strict):
    """Where the items come from; exactly one of `url` and `items`."""

    url: str | None = Field(
        None, min_length=1, description="http(s), file or any installed fsspec URL; one item a line."
    )
    items: tuple[str, ...] | None = Field(None, description="The items themselves.")


class Queue(_Strict):
    """The run's Redis: a private server in the cluster, or a shared one by Airflow connection."""

    connection: str | None = Field(
        None, min_length=1, description="Airflow connection of a shared Redis; none: a private one."
    )
    image: str | None = Field(
        None, min_length=1, description="Image of the private server; none: the setting queue_image."
    )
    storage_class: str | None = Field(
        None, min_length=1, description="Storage class of the private server's volume; none: an emptyDir."
    )
    storage_size: Quantity = Field("1Gi", description="Size of that volume.")
    resources: Resources = Field(default_factory=Resources, description="Resources of the private server.")
    lease_seconds: PositiveSeconds = Field(
        60.0, le=86_400, description="An item whose worker is silent for this long is given to another worker."
    )
    max_attempts: int = Field(3, ge=1, le=1000, description="How often an item may be started before it is given up.")


class Limits(_Strict):
    """When control gives up on a run."""

    stall_seconds: PositiveSeconds = Field(
        1800.0, description="Fail when nothing was done, failed or leased for this long."
    )


class Submission(_Strict):
    """One batch job: an image, a command, a workload and the time in which it is expected to finish."""

    image: str = Field(min_length=1, max_length=1024, pattern=r"^\S+$", description="Container image of the workers.")
    command: tuple[str, ...] = Field(default=(), description="The container's command; empty: the image's own.")
    args: tuple[str, ...] = Field(default=(), description="Arguments of the command.")
    workload: Workload
    expected_time: PositiveSeconds = Field(
        le=31_536_000, description="Seconds in which all items are expected to be done."
    )
    scaling: Scaling = Field(default_factory=Scaling)
    queue: Queue = Field(default_factory=Queue)
    limits: Limits = Field(default_factory=Limits)
    cluster: str = Field("kubernetes_default", min_length=1, description="Airflow connection of the cluster.")
    namespace: KubernetesName | None = Field(None, description="Namespace; none: the connection's, else `default`.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment of the workers.")
    resources: Resources = Field(default_factory=Resources)
    node_selector: dict[str, str] = Field(
        default_factory=dict, description="Labels that the workers' nodes must carry."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(None, description="As in Kubernetes.")
    image_pull_secrets: tuple[KubernetesName, ...] = Field(default=(), description="Secrets for the image's registry.")
    service_account: KubernetesName | None = Field(None, description="Service account of the workers.")
    run_as_user: int = Field(
        65534, ge=1, le=2_147_483_647, description="User id of the workers' processes; never root, whatever the image says."
    )
    termination_grace_period: int = Field(
        30, ge=0, le=86_400, description="Seconds that a worker has to finish its item when it is removed."
    )
    backoff_limit: int = Field(6, ge=0, le=100_000, description="Failed pods after which Kubernetes fails the Job.")
    resources_lifetime: int = Field(
        0, ge=0, le=31_536_000, description="Seconds that the run's objects are kept after its end."
    )
    report_url: str | None = Field(
        None, min_length=1, description="fsspec folder or file for the report; none: the setting."
    )

    def deadline(self, started_at: float) -> float:
        """When the run is expected to end, in seconds since the epoch, given when its clock started."""
        return started_at + self.expected_time
