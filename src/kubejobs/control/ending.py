"""Whether a run is over: pure rules over what was seen and what is remembered.

Rule: every end has a kind, and a message with the numbers and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from kubejobs.control.look import Look
from kubejobs.control.memory import Memory
from kubejobs.control.outcome import OutcomeKind, too_many_failed
from kubejobs.control.plan import Plan
from kubejobs.control.timing import ControlTimings
from kubejobs.workqueue.types import Counts, Signal


@dataclass(frozen=True, slots=True)
class End:
    """The run is over; `stop_workers` says that some may still run and are no longer wanted."""

    kind: OutcomeKind
    message: str
    stop_workers: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseWorkers:
    """No item is left but the workers did not exit in time: they are to be removed, then the run ends."""

    message: str


Verdict: TypeAlias = End | ReleaseWorkers | None


def judge(look: Look, memory: Memory, plan: Plan, timings: ControlTimings) -> Verdict:
    """What follows from this look; None: the run goes on. `memory` already knows the look."""
    counts = look.snapshot.counts
    if look.snapshot.signal is Signal.TERMINATE:
        return End(OutcomeKind.TERMINATED, f"terminated on request with {describe(counts)}", stop_workers=True)
    if look.job is not None and look.job.failure is not None and not memory.stopping:
        return _job_failed(look.job.failure, counts)
    if not memory.stopping and (excess := _failed_excess(look, plan)) is not None:
        return excess
    if not counts.open and (look.snapshot.closed or memory.stopping):
        return _nothing_open(look, memory, plan, timings)
    if memory.stopping and look.job_final:
        return End(OutcomeKind.STOPPED, _finish_message(counts, plan, look))
    return _items_open(look, memory, plan, timings)


def describe(counts: Counts) -> str:
    """The counts that are not zero, in words."""
    names = ("done", "failed", "dead", "queued", "leased", "delayed", "held")
    parts = [f"{getattr(counts, name)} {name}" for name in names if getattr(counts, name)]
    return f"{', '.join(parts) or 'no item'} of {counts.total}"


def _job_failed(failure: str, counts: Counts) -> End:
    advice = "look at the failed pods' logs"
    advice += ", mend the image or its resources, and submit what is left" if counts.open else "; no item was left"
    return End(OutcomeKind.JOB_FAILED, f"Kubernetes failed the Job ({failure}) with {describe(counts)}; {advice}")


def _failed_excess(look: Look, plan: Plan) -> End | None:
    """The early end of a run with limits. A share is of all items, so it is not judged while more may come."""
    counts, limits = look.snapshot.counts, plan.submission.limits
    if not look.snapshot.closed:
        limits = limits.model_copy(update={"max_failed_ratio": None})
    if limits.max_failed_items is None and limits.max_failed_ratio is None:
        return None
    why = too_many_failed(counts, limits)
    if why is None:
        return None
    return End(
        OutcomeKind.TOO_MANY_FAILED,
        f"{counts.failed + counts.dead} items failed and {why}: ended with {describe(counts)}; the report lists the "
        "failed items with their errors: mend them or the image and submit what is left",
        stop_workers=True,
    )


def _nothing_open(look: Look, memory: Memory, plan: Plan, timings: ControlTimings) -> Verdict:
    kind = OutcomeKind.STOPPED if memory.stopping else OutcomeKind.DRAINED
    end = End(kind, _finish_message(look.snapshot.counts, plan, look))
    if look.job_final and (memory.job_seen or memory.stopping):
        return end
    idle = _since(memory.idle_since, look)
    grace = timings.exit_grace(plan.submission.termination_grace_period)
    if look.job is None:
        return end if look.job_gone and idle >= grace else None
    if memory.released_at is None:
        if idle < grace:
            return None
        return ReleaseWorkers(
            f"{look.job.active} workers did not exit within {grace:g} s after the last item; they are removed"
        )
    if look.job.active == 0 or _since(memory.released_at, look) >= grace:
        return end
    return None


def _items_open(look: Look, memory: Memory, plan: Plan, timings: ControlTimings) -> End | None:
    counts = look.snapshot.counts
    if look.job is not None and look.job.complete:
        return End(
            OutcomeKind.INCOMPLETE,
            f"every worker has exited, so Kubernetes starts no more, with {describe(counts)}; a worker must "
            "exit with 0 only when nothing is queued and nothing is leased (kubejobs.worker does); submit the rest"
            if counts.open
            else f"every worker has exited, so Kubernetes starts no more, although the queue was not closed, with "
            f"{describe(counts)}; a worker must exit with 0 only when no more items will come (kubejobs.worker does)",
        )
    if look.job_gone and memory.job_seen:
        return End(
            OutcomeKind.JOB_DELETED, f"the Job was deleted from outside with {describe(counts)}; submit what is left"
        )
    waited = _since(memory.began_at, look)
    if look.job_gone and waited >= timings.job_wait_seconds:
        return End(
            OutcomeKind.JOB_MISSING,
            f"the Job was not created within {timings.job_wait_seconds:g} s; look at the log of the task that makes it",
        )
    still = _since(memory.progressed_at, look)
    if still >= plan.submission.limits.stall_seconds:
        return End(OutcomeKind.STALLED, _stall_message(look, still), stop_workers=True)
    return None


def _stall_message(look: Look, still_seconds: float) -> str:
    if not look.snapshot.counts.open:
        return (
            f"the queue was not closed and nothing was added to it for {still_seconds:.0f} s with "
            f"{describe(look.snapshot.counts)}; the program that adds items has to close the queue when it has added "
            "the last, or raise limits.stall_seconds above its longest pause"
        )
    pods = (
        "the Job can't be read" if look.job is None else f"{look.job.ready} of {look.job.parallelism} workers are ready"
    )
    why = f" ({look.job.pending_reason})" if look.job is not None and look.job.pending_reason else ""
    return (
        f"no item was leased or finished for {still_seconds:.0f} s with {describe(look.snapshot.counts)}; {pods}{why}; "
        "look at the workers' logs, or raise limits.stall_seconds above the longest item"
    )


def _finish_message(counts: Counts, plan: Plan, look: Look) -> str:
    elapsed = look.snapshot.time - plan.started_at
    spent = f"after {elapsed:.1f} s of the expected {plan.submission.expected_time:g} s"
    text = (
        f"all {counts.total} items are done {spent}" if counts.done == counts.total else f"{describe(counts)} {spent}"
    )
    if counts.failed + counts.dead:
        text += "; the report lists the failed items: mend them or the image and submit them again"
    left = counts.held + counts.open
    if left:
        text += f"; {left} were not run because the run was stopped"
    return text


def _since(moment: float | None, look: Look) -> float:
    return 0.0 if moment is None else look.snapshot.time - moment
