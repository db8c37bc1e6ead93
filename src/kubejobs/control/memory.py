"""What the loop remembers between two turns, stored in the queue with every line of the journal.

Rule: JSON-compatible when stored, immutable when held; a loop that starts anywhere goes on from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from kubejobs.control.look import Look
from kubejobs.control.outcome import Outcome


@dataclass(frozen=True, slots=True)
class ParallelismChange:
    """A change of the Job's parallelism that was journaled and is being made."""

    before: int
    after: int

    def to_line(self) -> dict[str, int]:
        """The fields of a journal line."""
        return {"from": self.before, "to": self.after}


@dataclass(frozen=True, slots=True)
class Memory:
    """Times are seconds since the epoch by the queue server's clock.

    seq: number of the last journal line. policy: the policy's own state. next_tick_at: when the next decision is due.
    began_at: the first look. mark: the sums whose change is progress; progressed_at: when they last changed.
    replicas: the Job's parallelism when it was last seen; None before that.
    idle_since: since when no item is open. released_at: when the workers were asked to go. pending: a change that was
    journaled and may not have reached Kubernetes. outcome: the end, once there is one.
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
    outcome: Outcome | None = None

    def after(self, look: Look) -> Memory:
        """What is to be remembered once `look` was seen."""
        counts, time = look.snapshot.counts, look.snapshot.time
        mark = (counts.finished, look.snapshot.deliveries, counts.total)
        return replace(
            self,
            began_at=time if self.began_at is None else self.began_at,
            mark=mark,
            progressed_at=time if mark != self.mark else self.progressed_at,
            replicas=self.replicas if look.job is None else look.job.parallelism,
            idle_since=None if counts.open else time if self.idle_since is None else self.idle_since,
            released_at=None if counts.open else self.released_at,
        )

    @property
    def job_seen(self) -> bool:
        """Whether the Job has existed."""
        return self.replicas is not None

    def to_dict(self) -> dict[str, Any]:
        """JSON-compatible values only."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        data["mark"] = list(self.mark)
        data["pending"] = None if self.pending is None else asdict(self.pending)
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
        values["outcome"] = stored_outcome(data)
        return cls(**values)


def stored_outcome(state: Mapping[str, Any] | None) -> Outcome | None:
    """The run's end as the loop's stored state (`QueuePort.load_state`) says it; None while the run goes on."""
    if state is None or state.get("outcome") is None:
        return None
    return Outcome.from_dict(state["outcome"])
