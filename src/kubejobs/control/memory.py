"""What the loop remembers between two turns, stored in the queue with every line of the journal.

Rule: JSON-compatible when stored, immutable when held; a loop that starts anywhere goes on from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from kubejobs.control.drain import Drain
from kubejobs.control.look import Look
from kubejobs.control.losses import workers_may_be_lost
from kubejobs.control.outcome import Outcome
from kubejobs.control.ports import JobStatus

_SEARCHES = 2


@dataclass(frozen=True, slots=True)
class ParallelismChange:
    """A change of the Job's parallelism that was journaled and is being made.

    `rests_on_idle`: it removes the workers that were drained when it was journaled, so it holds for that moment only.
    """

    before: int
    after: int
    rests_on_idle: bool = False

    def to_line(self) -> dict[str, int]:
        """The fields of a journal line."""
        return {"from": self.before, "to": self.after}


@dataclass(frozen=True, slots=True)
class Memory:
    """Times are seconds since the epoch by the queue server's clock.

    seq: number of the last journal line. policy: the policy's own state. next_tick_at: when the next decision is due.
    began_at: the first look. mark: the sums whose change is progress; progressed_at: when they last changed.
    replicas: the Job's parallelism when it was last seen; None before that.
    idle_since: since when no item is open and none will come. released_at: when the workers were asked to go.
    pending: a change that was journaled and may not have reached Kubernetes. drain: a scale-down that waits for workers
    to drain. searches: how many more looks are to search for lost workers; failed_pods and standing_pods: pods that had
    failed, and that were active or had succeeded, at the last look; exits: workers whose end was noted.
    outcome: the end, once there is one.
    """

    seq: int = 0
    policy: dict[str, Any] = field(default_factory=dict)
    next_tick_at: float = 0.0
    began_at: float | None = None
    mark: tuple[int, ...] = ()
    progressed_at: float = 0.0
    replicas: int | None = None
    stopping: bool = False
    idle_since: float | None = None
    released_at: float | None = None
    pending: ParallelismChange | None = None
    drain: Drain | None = None
    searches: int = 1
    failed_pods: int = 0
    standing_pods: int = 0
    exits: tuple[str, ...] = ()
    outcome: Outcome | None = None

    def after(self, look: Look) -> Memory:
        """What is to be remembered once `look` was seen."""
        counts, time = look.snapshot.counts, look.snapshot.time
        more = counts.open > 0 or (not look.snapshot.closed and not self.stopping)
        mark = (counts.finished, look.snapshot.deliveries, counts.total)
        known = self if look.job is None else _after_pods(self, look.job)
        return replace(
            known,
            began_at=time if self.began_at is None else self.began_at,
            mark=mark,
            progressed_at=time if mark != self.mark else self.progressed_at,
            replicas=self.replicas if look.job is None else look.job.parallelism,
            idle_since=None if more else time if self.idle_since is None else self.idle_since,
            released_at=None if more else self.released_at,
        )

    def desired(self, job: JobStatus) -> int:
        """How many workers are wanted: the drain's target while one is under way, else the Job's parallelism."""
        target = None if self.drain is None else self.drain.target
        return job.parallelism if target is None else min(target, job.parallelism)

    @property
    def job_seen(self) -> bool:
        """Whether the Job has existed."""
        return self.replicas is not None

    def to_dict(self) -> dict[str, Any]:
        """JSON-compatible values only."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        data["mark"] = list(self.mark)
        data["pending"] = None if self.pending is None else asdict(self.pending)
        data["drain"] = None if self.drain is None else asdict(self.drain)
        data["exits"] = list(self.exits)
        data["outcome"] = None if self.outcome is None else self.outcome.to_dict()
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Memory:
        """The memory that `to_dict` wrote; a new one for None. Unknown fields are left out."""
        if data is None:
            return cls()
        values = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        values["mark"] = tuple(values.get("mark", ()))
        values["pending"] = None if values.get("pending") is None else ParallelismChange(**values["pending"])
        values["drain"] = None if values.get("drain") is None else Drain.from_dict(values["drain"])
        values["exits"] = tuple(values.get("exits", ()))
        values["outcome"] = stored_outcome(data)
        return cls(**values)


def stored_outcome(state: Mapping[str, Any] | None) -> Outcome | None:
    """The run's end as the loop's stored state (`QueuePort.load_state`) says it; None while the run goes on."""
    if state is None or state.get("outcome") is None:
        return None
    return Outcome.from_dict(state["outcome"])


def _after_pods(memory: Memory, job: JobStatus) -> Memory:
    """Whatever points to a loss has two searches, now and at the next look: Kubernetes' counts may precede its pods."""
    doubtful = workers_may_be_lost(job, memory.failed_pods, memory.standing_pods)
    return replace(
        memory,
        searches=_SEARCHES if doubtful else memory.searches,
        failed_pods=job.failed,
        standing_pods=job.active + job.succeeded,
    )
