"""The frozen `Submission` that every later stage works from; the single place that says what is allowed.

Field names are the product's own; `documents.py` translates the documents' shape into them.
Durations are in seconds and say so in their names, except where the documents' own word is kept.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kubejobs.submission.field_types import (
    Batch,
    ConnectionId,
    Count,
    ExitCode,
    Flag,
    ImageName,
    InlineItem,
    KubernetesName,
    LabelKey,
    LabelValue,
    Location,
    Number,
    ObjectName,
    PositiveSeconds,
    Quantity,
    ResourceName,
    Seconds,
    Strict,
    VariableName,
    VariableValue,
)
from kubejobs.submission.patterns import DEFAULT_REQUESTS, MAX_CONCURRENCY, MAX_REPLICAS, MAX_TIMEOUT_SECONDS

_DAY_SECONDS, _YEAR_SECONDS = 86_400, 31_536_000


def _small_requests() -> dict[str, str]:
    return dict(DEFAULT_REQUESTS)


class Resources(Strict):
    """Kubernetes resource quantities of one pod."""

    requests: dict[ResourceName, Quantity] = Field(
        default_factory=_small_requests,
        description='What the scheduler reserves for one pod, such as {"cpu": "500m", "memory": "1Gi"}.',
        json_schema_extra={"default": dict(DEFAULT_REQUESTS)},
    )
    limits: dict[ResourceName, Quantity] = Field(default_factory=dict, description="What one pod may use at most.")


class Scaling(Strict):
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
    drain_seconds: Seconds | None = Field(
        None,
        le=_YEAR_SECONDS,
        description="With `drain`: workers that were asked to finish their item and have not after this many seconds "
        "are removed all the same; none: 600.",
    )


class Workload(Strict):
    """Where the items come from; exactly one of `url` and `items`."""

    url: Location | None = Field(None, description="http(s), file or any installed fsspec URL; one item a line.")
    items: tuple[InlineItem, ...] | None = Field(
        None, description="The items themselves; each is text, or an object with `item` and `priority`."
    )
    prioritized: Flag = Field(
        default=False,
        description="Each line begins with a priority from 0 to 9 and a tab; items of higher priority come first.",
    )
    open: Flag = Field(
        default=False,
        description="More items will be appended during the run, which can end once its producer has closed the queue.",
    )


class Queue(Strict):
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
        60.0, le=_DAY_SECONDS, description="An item whose worker is silent for this long is given to another worker."
    )
    max_attempts: Count = Field(3, ge=1, le=1000, description="How often an item may be started before it is given up.")
    retry_seconds: Seconds = Field(
        1.0, le=_DAY_SECONDS, description="Delay before an item's second attempt; it doubles with each further one."
    )
    retry_max_seconds: Seconds = Field(60.0, le=_DAY_SECONDS, description="Longest delay before a further attempt.")
    batch: Batch = Field(
        "auto",
        description="Items that a worker takes at a time, which go to others again if it dies; auto: by how long they "
        "take, one at a time where that is long.",
    )
    authentication: Flag = Field(
        default=True,
        description="The private server asks for the run's password; false for images that can't give one.",
    )


class Limits(Strict):
    """When control gives up on a run."""

    stall_seconds: PositiveSeconds = Field(
        1800.0, description="Fail when nothing was done, failed or leased for this long."
    )
    max_failed_items: Count | None = Field(
        None, ge=0, description="Fail early when more items than this have failed or were given up; none: never."
    )
    max_failed_ratio: Number | None = Field(
        None, ge=0, le=1, description="Fail early when more than this share of all items (0.1 = 10 %) has; none: never."
    )


class Runner(Strict):
    """How a plain program works items off, without a client library and in any image."""

    mode: Literal["item", "lines"] = Field(
        "item",
        description="item: the command is started for each item; lines: it is started once, reads items from its "
        "standard input, one a line, and answers each with a line.",
    )
    concurrency: Count = Field(
        1, ge=1, le=MAX_CONCURRENCY, description="Commands that one worker runs at the same time."
    )
    timeout_seconds: PositiveSeconds | None = Field(
        None, le=MAX_TIMEOUT_SECONDS, description="An item that takes longer is ended and tried again; none: no limit."
    )
    fail_codes: tuple[ExitCode, ...] = Field(
        default=(), description="mode item: exit codes that fail the item for good; others but 0 are tried again."
    )
    keep_result: Flag = Field(
        default=False, description="The last line of the command's output, or its answer, is kept as the item's result."
    )
    on_sigterm: Literal["finish", "pass"] = Field(
        "finish", description="finish: a removed worker's command may end its item; pass: it gets the SIGTERM too."
    )


class Submission(Strict):
    """One batch job: an image, a command, a workload and the time in which it is expected to finish."""

    image: ImageName = Field(description="Container image of the workers.")
    command: tuple[str, ...] = Field(default=(), description="The container's command; empty: the image's own.")
    args: tuple[str, ...] = Field(default=(), description="Arguments of the command.")
    runner: Runner | None = Field(
        None,
        description="The command is a plain program, and a runner that is put into the image's pod gives it the items; "
        "none: the image's program takes its items from the queue by itself.",
    )
    workload: Workload = Field(description="Where the items come from.")
    expected_time: PositiveSeconds = Field(
        le=_YEAR_SECONDS, description="Seconds in which all items are expected to be done."
    )
    scaling: Scaling = Field(default_factory=Scaling, description="How many workers, and the policy that decides it.")
    queue: Queue = Field(default_factory=Queue, description="The run's Redis.")
    limits: Limits = Field(default_factory=Limits, description="When control gives up on the run.")
    cluster: ConnectionId = Field("kubernetes_default", description="Airflow connection of the cluster.")
    namespace: KubernetesName | None = Field(None, description="Namespace; none: the connection's, else `default`.")
    drain: Flag = Field(
        default=True,
        description="Workers are asked to finish their item before they are removed. It takes the client library or "
        "`runner`; workers that know neither are removed with their grace period (their pods are never ready).",
    )
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
        30, ge=0, le=_DAY_SECONDS, description="Seconds that a worker has to finish its item when it is removed."
    )
    backoff_limit: Count = Field(6, ge=0, le=100_000, description="Failed pods after which Kubernetes fails the Job.")
    resources_lifetime: Count = Field(
        0, ge=0, le=_YEAR_SECONDS, description="Seconds that the run's objects are kept after its end."
    )
    report_url: Location | None = Field(None, description="fsspec folder or file for the report; none: the setting.")

    def deadline(self, started_at: float) -> float:
        """When the run is expected to end, in seconds since the epoch, given when its clock started."""
        return started_at + self.expected_time
