"""The control loop: observe → decide → actuate → journal, from the run's start to its end.

Rule: it is given its clock, queue and cluster and keeps its state in the queue, so that it can be killed at any moment
and started again anywhere, twice at once too: one loop leads, the others wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from kubejobs.clock import Clock
from kubejobs.control.actuators.registry import actuator_for
from kubejobs.control.ending import describe
from kubejobs.control.journal import Event
from kubejobs.control.limited import LimitedCluster, LimitedQueue
from kubejobs.control.look import Look
from kubejobs.control.memory import Memory
from kubejobs.control.outage import Outage
from kubejobs.control.outcome import Outcome, OutcomeKind, succeeded
from kubejobs.control.parts import Parts
from kubejobs.control.plan import Plan
from kubejobs.control.ports import ClusterPort, QueuePort
from kubejobs.control.progress import ProgressCallback, ProgressPublisher
from kubejobs.control.term import Term
from kubejobs.control.timing import ControlTimings
from kubejobs.errors import LeadershipLostError, QueueError, QueueLostError
from kubejobs.scaling.registry import guards_for, policy_for
from kubejobs.scaling.types import Reason

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_RELEASE_SECONDS = 2.0


async def run_control(
    plan: Plan,
    *,
    clock: Clock,
    queue: QueuePort,
    cluster: ClusterPort,
    owner: str,
    timings: ControlTimings | None = None,
    on_progress: ProgressCallback | None = None,
) -> Outcome:
    """Control the run until it is over, and say how it ended; a run that is over already says it again.

    `owner` names this loop among those that may control the run; two loops that can be alive at the same time must have
    different owners. `on_progress` gets a small JSON-compatible dict (see `ProgressPublisher.summary`). Time limits are
    by the event loop's clock, which has to agree with `clock`. Only a bug or a ConfigurationError is raised.
    """
    timings = timings or ControlTimings()
    scaling = plan.submission.scaling
    parts = Parts(
        plan=plan,
        clock=clock,
        queue=LimitedQueue(queue, timings.call_timeout_seconds),
        cluster=LimitedCluster(cluster, timings.call_timeout_seconds),
        policy=policy_for(scaling),
        guards=guards_for(scaling),
        actuator=actuator_for(scaling),
        timings=timings,
        progress=ProgressPublisher(plan, clock, on_progress, timings.progress_interval_seconds),
    )
    control = _Control(parts, owner)
    try:
        outcome = await control.run()
        await parts.progress.finish(control.last_look, str(outcome.kind))
    finally:
        await parts.progress.cancel()
    return outcome


class _Control:
    """Follows until it may lead, leads, and follows again when the lead or the queue is lost for a while."""

    def __init__(self, parts: Parts, owner: str) -> None:
        self._parts = parts
        self._owner = owner
        self._outage = Outage(parts.clock)
        self.last_look: Look | None = None

    async def run(self) -> Outcome:
        while True:
            try:
                outcome = await self._lead()
                if outcome is not None:
                    return outcome
                pause = self._parts.timings.longest_pause_seconds
            except LeadershipLostError:
                log.warning("%s: another control loop leads now; waiting", self._parts.name)
                pause = self._parts.timings.leader_ttl_seconds
            except QueueLostError as error:
                return self._ended(OutcomeKind.QUEUE_LOST, f"{error}; submit the run again")
            except QueueError as error:
                self._outage.note(error)
                if (self._outage.seconds or 0.0) >= self._parts.plan.submission.limits.stall_seconds:
                    return self._ended(OutcomeKind.UNREADABLE, f"{self._outage}; check its pod and its network")
                log.warning("%s: %s: holding: %s", self._parts.name, Reason.QUEUE_UNREADABLE, error)
                pause = _RETRY_SECONDS
            await self._parts.clock.sleep(pause)

    async def _lead(self) -> Outcome | None:
        """Lead until the run's end; None while another leads."""
        token = await self._parts.queue.acquire_leadership(self._owner, self._parts.timings.leader_ttl_seconds)
        if token is None:
            self._outage.over()
            return None
        try:
            memory = Memory.from_dict(await self._parts.queue.load_state())
            return memory.outcome or await self._serve(Term(self._parts, token, memory), memory.seq)
        finally:
            await self._release(token)

    async def _serve(self, term: Term, seq: int) -> Outcome:
        try:
            if self._outage.seconds is not None:
                reason, seconds = str(Reason.QUEUE_UNREADABLE), round(self._outage.seconds, 3)
                await term.open(Event.RESTORED, message=str(self._outage), reason=reason, seconds=seconds)
            elif seq:
                await term.open(Event.RESUMED, message=f"{self._owner} goes on after line {seq}")
            else:
                await term.open(Event.START, message=f"{self._owner} starts", scaling=self._scaling())
            self._outage.over()
            return await term.run()
        finally:
            self.last_look = term.last_look or self.last_look

    async def _release(self, token: int) -> None:
        """Let another lead at once, if the queue can still be told; after a kill the lock just runs out."""
        with contextlib.suppress(QueueError, TimeoutError):
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._parts.queue.release_leadership(token)

    def _scaling(self) -> dict[str, Any]:
        return self._parts.plan.submission.scaling.model_dump(mode="json")

    def _ended(self, kind: OutcomeKind, message: str) -> Outcome:
        """An end that the queue can't be told; its time is this machine's."""
        counts = None if self.last_look is None else self.last_look.snapshot.counts
        ended_at = self._parts.clock.now()
        known = f"; last seen: {describe(counts)}" if counts else ""
        elapsed = round(ended_at - self._parts.plan.started_at, 3)
        success = succeeded(kind, counts, self._parts.plan.submission.limits)
        return Outcome(kind, success, message + known, ended_at, elapsed, counts)
