"""What the queue tells: where it is, how the items stand, what was asked of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kubejobs.durations import DurationSketch


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """Where a run's queue is; the password is never shown."""

    host: str
    port: int = 6379
    password: str | None = field(default=None, repr=False)
    username: str | None = None
    database: int = 0
    tls: bool = False
    prefix: str = ""

    @property
    def place(self) -> str:
        """Host and port for messages; a host that begins with `/` is a Unix socket."""
        return self.host if self.host.startswith("/") else f"{self.host}:{self.port}"

    @property
    def server(self) -> dict[str, Any]:
        """The server without the run, as `wire.Wire` takes it; the password is in it."""
        names = ("host", "port", "username", "password", "database", "tls")
        return {name: getattr(self, name) for name in names}


class Signal(StrEnum):
    """What was asked of a running job through the queue's control key."""

    STOP = "stop"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Counts:
    """The ledger's sums; they add up to `total` at every moment.

    queued: waiting to be leased. leased: with a worker. delayed: waiting for its retry time.
    done: acknowledged. failed: reported as failed for good by its worker. dead: given up after `max_attempts`.
    held: taken out of the queue by a stop.
    """

    queued: int = 0
    leased: int = 0
    delayed: int = 0
    done: int = 0
    failed: int = 0
    dead: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        """All items of the run."""
        return self.queued + self.leased + self.delayed + self.done + self.failed + self.dead + self.held

    @property
    def open(self) -> int:
        """Items that still have to be worked on."""
        return self.queued + self.leased + self.delayed

    @property
    def finished(self) -> int:
        """Items with a final result, good or bad."""
        return self.done + self.failed + self.dead


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """One consistent look at the queue; times are seconds since the epoch by the queue server's clock.

    `deliveries` counts leases granted, `busy_seconds` sums the time that workers spent on items they ended, `durations`
    is its distribution (nothing of either is known of workers of the open contract). `closed`: no more items will
    come. `sessions` counts the client library's sessions that have not left.
    """

    time: float
    counts: Counts
    signal: Signal | None = None
    first_leased_at: float | None = None
    last_acknowledged_at: float | None = None
    deliveries: int = 0
    busy_seconds: float = 0.0
    durations: DurationSketch = field(default_factory=DurationSketch)
    closed: bool = True
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class DrainStatus:
    """Workers that were asked to lease no more: `asked` have not come to it yet, `drained` hold no item.

    `drained` maps a worker's name to when it was found idle, in seconds since the epoch by the queue server's clock.
    """

    asked: int = 0
    drained: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkerExit:
    """How a worker ended without giving back its items.

    `reason` is a stable code in PascalCase (`OOMKilled`, `Error`, `PodGone`, `DeletionByTaintManager`, …).
    `blames_items` says whether what it held counts as an attempt: it does unless the cluster or control took it away.
    """

    reason: str
    message: str
    exit_code: int | None = None
    blames_items: bool = True
