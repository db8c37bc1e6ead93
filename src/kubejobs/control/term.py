"""One leader's term: turn by turn from taking the lead to the run's end.

Rule: a change is journaled before it is made, under the leader's token. So a loop that has lost its lead learns it
before it changes anything, and a loop that starts after a crash makes the change that was journaled before it, once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.control.changes import make_pending_change, resume_pending_change
from kubejobs.control.draining import Draining
from kubejobs.control.ending import End, ReleaseWorkers, describe, judge
from kubejobs.control.journal import Event
from kubejobs.control.look import Look, observation_of, take_look
from kubejobs.control.memory import Memory, ParallelismChange
from kubejobs.control.outcome import Outcome, OutcomeKind, succeeded
from kubejobs.control.parts import Parts
from kubejobs.control.record import Record
from kubejobs.control.schedule import Schedule
from kubejobs.control.survey import Survey
from kubejobs.control.workers import remove_workers
from kubejobs.scaling.limits import guarded
from kubejobs.scaling.types import Decision, PolicyState, Reason
from kubejobs.workqueue.types import Signal


class Term:
    """Leads the run under one fencing token; the queue's errors leave it, the cluster's do not."""

    def __init__(self, parts: Parts, token: int, memory: Memory) -> None:
        self._parts = parts
        self._token = token
        # What went wrong while nobody looked is searched for at once.
        self._record = Record(parts, token, replace(memory, searches=max(memory.searches, 1)))
        self._draining = Draining(parts, self._record)
        self._survey = Survey(parts, self._record)
        self._schedule = Schedule(parts.plan.submission.scaling.check_interval, parts.timings)
        self._looked_at = 0.0
        self._unreadable_since: float | None = None
        self.last_look: Look | None = None

    async def open(self, event: Event, **fields: Any) -> None:
        """Take the first look, and say in the journal that and why a term begins."""
        await self._write(event, await self._look(), **fields)

    async def run(self) -> Outcome:
        """Turn after turn until the run is over."""
        look = self.last_look or await self._look()
        while True:
            outcome = await self._turn(look)
            if outcome is not None:
                return outcome
            since_look = self._parts.clock.monotonic() - self._looked_at
            await self._parts.clock.sleep(self._schedule.pause(look, self._memory, since_look))
            await self._parts.queue.renew_leadership(self._token, self._parts.timings.leader_ttl_seconds)
            look = await self._look()

    async def _look(self) -> Look:
        look = await take_look(self._parts.queue, self._parts.cluster)
        self._looked_at = self._parts.clock.monotonic()
        self._record.memory = self._memory.after(look)
        self.last_look = look
        return look

    @property
    def _memory(self) -> Memory:
        return self._record.memory

    async def _turn(self, look: Look) -> Outcome | None:
        look = await self._obey_stop(look)
        await self._note(look)
        pods = await self._survey.pods(look)
        verdict = judge(look, self._memory, self._parts.plan, self._parts.timings) or self._unreadable_for_too_long(
            look
        )
        if isinstance(verdict, End):
            return await self._end(verdict, look)
        if isinstance(verdict, ReleaseWorkers):
            self._record.remember(released_at=look.snapshot.time, pending=None)
            await self._write(Event.WORKERS_RELEASED, look, message=verdict.message)
        await self._remove_released(look)
        await self._scale(look, pods)
        self._parts.progress.publish(look, self._state(look))
        return None

    async def _scale(self, look: Look, pods: tuple[WorkerPod, ...] | None) -> None:
        """What an earlier turn left to do; else a decision if one is due, and this look's share of a drain."""
        may_add = await self._draining.settle(look, pods)
        if may_add and await resume_pending_change(self._parts, self._record, look):
            return  # The Job is no longer as this look has it.
        if self._schedule.is_due(look.snapshot.time, self._memory):
            await self._tick(look, pods)
        if pods is None and self._memory.drain is not None:
            pods = await self._survey.pods(look)
        await self._draining.pursue(look, pods)

    # -- what was asked and what was seen ------------------------------------

    async def _obey_stop(self, look: Look) -> Look:
        """On a stop hold everything that waits, also what comes back later; then look again."""
        if look.snapshot.signal is not Signal.STOP and not self._memory.stopping:
            return look
        first = not self._memory.stopping
        waiting = look.snapshot.counts.queued + look.snapshot.counts.delayed
        if not first and not waiting:
            return look
        held = await self._parts.queue.hold_queued() if waiting else look.snapshot.counts.held
        self._record.remember(stopping=True, pending=None)
        again = await self._look()
        again = replace(again, recovered=look.recovered + again.recovered)
        if first:
            message = f"stop: {held} items are held, {again.snapshot.counts.leased} are being finished"
            await self._write(Event.SIGNAL, again, message=message, signal=str(Signal.STOP))
        return again

    async def _note(self, look: Look) -> None:
        if look.recovered:
            message = f"{look.recovered} items were taken back from workers that had stopped renewing their lease"
            await self._write(Event.RECOVERED, look, message=message, recovered=look.recovered)
        if self._memory.idle_since == look.snapshot.time:
            await self._write(Event.DRAINED, look, message=f"no item is open: {describe(look.snapshot.counts)}")
        if look.cluster_error is not None and self._unreadable_since is None:
            self._unreadable_since = look.snapshot.time
            reason = str(Reason.CLUSTER_UNREADABLE)
            await self._write(Event.DEGRADED, look, message=f"holding: {look.cluster_error}", reason=reason)
        if look.cluster_error is None and self._unreadable_since is not None:
            seconds = round(look.snapshot.time - self._unreadable_since, 3)
            self._unreadable_since = None
            message = f"the Job can be read again after {seconds:g} s"
            reason = str(Reason.CLUSTER_UNREADABLE)
            await self._write(Event.RESTORED, look, message=message, reason=reason, seconds=seconds)

    def _unreadable_for_too_long(self, look: Look) -> End | None:
        limit = self._parts.plan.submission.limits.stall_seconds
        if self._unreadable_since is None or look.snapshot.time - self._unreadable_since < limit:
            return None
        return End(
            OutcomeKind.UNREADABLE,
            f"the Job could not be read for {limit:g} s ({look.cluster_error}) with {describe(look.snapshot.counts)}; "
            "check the cluster's connection and its rights",
        )

    # -- decide and actuate --------------------------------------------------

    async def _tick(self, look: Look, pods: tuple[WorkerPod, ...] | None) -> None:
        decision = self._decide(look, 0 if pods is None else self._draining.idle(pods))
        drain, change, held_by = self._memory.drain, None, None
        differs = decision is not None and look.job is not None and decision.replicas != self._memory.desired(look.job)
        if differs:
            held_by = self._parts.actuator.held_by
        if decision is not None and look.job is not None and held_by is None:
            drain, change = self._draining.after_decision(decision.replicas, look, look.job)
        self._record.remember(
            next_tick_at=self._schedule.following(look.snapshot.time, self._memory), drain=drain, pending=change
        )
        details = {"held_by": str(held_by)} if held_by else {}
        await self._write(Event.TICK, look, decision=decision, actuate=differs and held_by is None, **details)
        if drain is None and self._draining.can_ask(look):
            await self._draining.cancel()
        if await self._draining.settle(look, pods):
            await make_pending_change(self._parts, self._record, look)

    def _decide(self, look: Look, drained: int) -> Decision | None:
        """The policy's decision, or to hold what can't be seen; None when there is nothing to decide."""
        if look.job_final or self._memory.stopping or not look.snapshot.counts.open:
            return None
        if look.job is None:
            held = self._memory.replicas
            message = f"held at {held}: {look.cluster_error}"
            return None if held is None else Decision(held, Reason.CLUSTER_UNREADABLE, message)
        desired = self._memory.desired(look.job)
        observation = observation_of(look.snapshot, look.job, self._parts.plan, desired=desired, drained=drained)
        decision, state = self._parts.policy.decide(observation, PolicyState(self._memory.policy))
        self._record.remember(policy=state.values)
        return guarded(decision, observation, self._parts.guards)

    # -- the end -------------------------------------------------------------

    async def _remove_released(self, look: Look) -> None:
        """Remove workers that the journal says are removed, until there are none."""
        if self._memory.released_at is None or look.job is None or look.job.parallelism == 0:
            return
        failure = await remove_workers(self._parts.cluster, look.job)
        if failure is not None:
            change = ParallelismChange(look.job.parallelism, 0)
            await self._write(Event.ACTUATION_FAILED, look, message=failure, **change.to_line())

    async def _end(self, end: End, look: Look) -> Outcome:
        if self._memory.drain is not None:
            await self._draining.cancel()
        if end.stop_workers and not look.job_final:
            await remove_workers(self._parts.cluster, look.job)
        counts = look.snapshot.counts
        outcome = Outcome(
            kind=end.kind,
            success=succeeded(end.kind, counts, self._parts.plan.submission.limits),
            message=end.message,
            ended_at=look.snapshot.time,
            elapsed_seconds=round(look.snapshot.time - self._parts.plan.started_at, 3),
            counts=counts,
        )
        self._record.remember(outcome=outcome, pending=None)
        await self._write(Event.END, look, message=end.message, outcome=str(end.kind), success=outcome.success)
        return outcome

    async def _write(self, event: Event, look: Look, **fields: Any) -> None:
        await self._record.write(event, look, **fields)

    def _state(self, look: Look) -> str:
        if self._memory.stopping:
            return "stopping"
        if not look.snapshot.counts.open and look.snapshot.closed:
            return "draining"
        if look.cluster_error is not None:
            return "degraded"
        return "running" if self._memory.job_seen else "waiting"
