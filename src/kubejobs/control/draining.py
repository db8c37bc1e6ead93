"""Scale down without interrupting an item: ask workers to drain, then remove those that have.

Rule: which workers go is never chosen here. The queue lets whoever comes first to the end of its item drain, and the
parallelism is lowered only by as many as Kubernetes would remove of the drained ones.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.control.changes import make_pending_change
from kubejobs.control.drain import Drain, DrainView, idle_count
from kubejobs.control.journal import Event
from kubejobs.control.look import Look
from kubejobs.control.memory import ParallelismChange
from kubejobs.control.parts import Parts
from kubejobs.control.ports import JobStatus
from kubejobs.control.record import Record
from kubejobs.errors import ObjectConflictError
from kubejobs.workqueue.types import DrainStatus

DEFAULT_DRAIN_SECONDS = 600.0


class Draining:
    """The drain of one term, if there is one; what it knows is in the record's memory."""

    def __init__(self, parts: Parts, record: Record) -> None:
        self._parts = parts
        self._record = record
        self._drained: frozenset[str] = frozenset()
        self._not_before = 0.0
        scaling = parts.plan.submission.scaling
        self._patience_seconds = DEFAULT_DRAIN_SECONDS if scaling.drain_seconds is None else scaling.drain_seconds

    def can_ask(self, look: Look) -> bool:
        """Whether workers can be asked: their image was said to use the client library, and some have used it.

        Once one has finished, Kubernetes no longer removes any for a smaller parallelism, so none is asked.
        """
        finished = look.job is not None and look.job.succeeded
        return self._parts.plan.submission.drain and look.snapshot.sessions > 0 and not finished

    def idle(self, pods: tuple[WorkerPod, ...]) -> int:
        """How many of the Job's pods that are not ready are drained rather than pending."""
        return idle_count(pods, self._drained)

    def after_decision(
        self, replicas: int, look: Look, job: JobStatus
    ) -> tuple[Drain | None, ParallelismChange | None]:
        """What is to be remembered of a decision: the drain, and the change that can be made at once."""
        drain, desired = self._record.memory.drain, self._record.memory.desired(job)
        if replicas == desired:
            return drain, None
        if replicas < desired and self.can_ask(look):
            return (drain or Drain()).lowered(look.snapshot.time, replicas), None
        if drain is not None and desired < replicas < job.parallelism:
            return drain.raised(replicas), None
        change = None if replicas == job.parallelism else ParallelismChange(job.parallelism, replicas)
        return None if drain is None else drain.cancelled(), change

    async def cancel(self, there: Collection[str] | None = None) -> None:
        """Let every worker go on, whether or not anything is known of a drain; nothing happens if none drains.

        `there`: the names of the workers whose pods are there, if they were read; one that drained and is not among
        them was removed and must not begin an item in its last moment.
        """
        if self._parts.plan.submission.drain:
            await self._parts.queue.request_drain(0, (), there)
        self._drained = frozenset()
        self._record.remember(drain=None)

    async def settle(self, look: Look, pods: tuple[WorkerPod, ...] | None) -> bool:
        """End a drain that is cancelled or has no purpose any more; whether workers may be added now."""
        memory = self._record.memory
        if memory.drain is None:
            return True
        no_work = memory.stopping or (not look.snapshot.counts.open and look.snapshot.closed)
        if no_work or look.job_final or (look.job is not None and look.job.succeeded):
            await self.cancel()
            return True
        if memory.drain.target is not None:
            return True
        if look.job is None or pods is None:
            return False
        view = DrainView(memory.drain, pods, look.job.parallelism)
        if not view.settled:
            return False  # Woken now, a worker that Kubernetes is about to remove would begin an item.
        if view.over:
            await self.cancel(view.names)
        else:
            await self._request(view)
        return True

    async def pursue(self, look: Look, pods: tuple[WorkerPod, ...] | None) -> None:
        """One look's share of the drain: ask, see who is idle, lower the parallelism by as many."""
        memory = self._record.memory
        if memory.drain is None or memory.drain.target is None or look.job is None or memory.pending is not None:
            return
        view = DrainView(memory.drain, pods or (), look.job.parallelism)
        if await self._escalate(look, view, memory.drain.target) or pods is None:
            return
        if view.over:
            await self.cancel(view.names)
            return
        status = await self._request(view)
        lower = view.next_parallelism(self._drained)
        if look.snapshot.time < self._not_before:
            lower = look.job.parallelism
        if lower == look.job.parallelism and memory.drain.noted == memory.drain.target:
            return
        details = {"target": memory.drain.target, "asked": status.asked, "drained": len(status.drained)}
        message = (
            f"{look.job.parallelism} → {memory.drain.target} workers: {len(status.drained)} are drained, "
            f"{status.asked} are to finish their item"
        )
        change = None
        if lower < look.job.parallelism:
            change = ParallelismChange(look.job.parallelism, lower, rests_on_idle=True)
        await self._make(Event.DRAINING, look, view, change, message, details)

    async def _request(self, view: DrainView) -> DrainStatus:
        status = await self._parts.queue.request_drain(view.wanted, view.live, view.others)
        self._drained = frozenset(status.drained)
        return status

    async def _escalate(self, look: Look, view: DrainView, target: int) -> bool:
        """Make the plain change where draining takes too long or nobody can be asked; whether it was tried."""
        if look.snapshot.time < self._not_before:
            return False
        if self.can_ask(look):
            floor = view.drain.overdue(look.snapshot.time, self._patience_seconds)
            why = f"workers did not drain within {self._patience_seconds:g} s"
        else:
            floor, why = target, "there is no worker that could be asked to drain"
        if floor is None or floor >= view.parallelism:
            return False
        message = f"{why}: {view.parallelism} → {floor}, busy or not; what they hold is run again"
        change = ParallelismChange(view.parallelism, floor)
        await self._make(Event.DRAIN_ESCALATED, look, view, change, message, {"target": target})
        return True

    async def _make(
        self,
        event: Event,
        look: Look,
        view: DrainView,
        change: ParallelismChange | None,
        message: str,
        details: dict[str, int],
    ) -> None:
        drain = replace(view.drain, noted=view.drain.target)
        self._record.remember(drain=drain, pending=change)
        await self._record.write(event, look, message=message, **details)
        refusal = await make_pending_change(self._parts, self._record, look)
        if refusal is not None and not isinstance(refusal, ObjectConflictError):
            self._not_before = look.snapshot.time + self._parts.timings.longest_pause_seconds
