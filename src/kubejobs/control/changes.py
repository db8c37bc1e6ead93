"""Make the change of the Job's parallelism that the journal says is being made."""

from __future__ import annotations

from kubejobs.control.journal import Event
from kubejobs.control.look import Look
from kubejobs.control.parts import Parts
from kubejobs.control.record import Record
from kubejobs.errors import ClusterError


async def make_pending_change(parts: Parts, record: Record, look: Look) -> ClusterError | None:
    """Make it if the Job is as it was, note it if it is made, leave it if another changed it; returns a refusal."""
    change, job = record.memory.pending, look.job
    if change is None or job is None:
        return None
    record.remember(pending=None)
    if job.finished or job.parallelism not in {change.before, change.after}:
        return None
    try:
        if job.parallelism == change.before:
            await parts.actuator.scale(parts.cluster, job, change.after)
    except ClusterError as error:
        await record.write(Event.ACTUATION_FAILED, look, message=str(error), **change.to_line())
        return error
    message = f"parallelism {change.before} → {change.after}"
    await record.write(Event.SCALED, look, message=message, **change.to_line())
    return None


async def resume_pending_change(parts: Parts, record: Record, look: Look) -> bool:
    """What a turn that was interrupted left to do; whether there was anything.

    A change that rests on which workers were idle then is not made now, only noted if it was: others may be idle.
    """
    change = record.memory.pending
    if change is None or look.job is None:
        return False
    if change.rests_on_idle and look.job.parallelism == change.before:
        record.remember(pending=None)
        return False
    await make_pending_change(parts, record, look)
    return True
