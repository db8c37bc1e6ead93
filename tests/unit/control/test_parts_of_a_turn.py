"""The loop's small parts: memory, observation, progress, removal of workers, the grace."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kubejobs.control.ending import describe
from kubejobs.control.look import Look, observation_of, take_look
from kubejobs.control.memory import Memory, ParallelismChange, stored_outcome
from kubejobs.control.outcome import Outcome, OutcomeKind, succeeded
from kubejobs.control.ports import JobStatus
from kubejobs.control.progress import ProgressPublisher, RateWindow
from kubejobs.control.timing import ControlTimings
from kubejobs.control.workers import remove_workers
from kubejobs.submission.model import Limits
from kubejobs.workqueue.types import Counts, QueueSnapshot
from support.control_cluster import FakeCluster
from support.control_fakes import FakeQueue, plan_of
from support.virtual import EPOCH, VirtualClock, run_virtual

LOOK = Look(QueueSnapshot(EPOCH + 10, Counts(queued=6, done=4)), JobStatus(parallelism=2, active=2, ready=1))


def test_memory_survives_the_queue() -> None:
    """What is stored as JSON comes back the same, an outcome and a pending change included."""
    outcome = Outcome(
        OutcomeKind.DRAINED, success=True, message="m", ended_at=1.0, elapsed_seconds=2.0, counts=Counts()
    )
    memory = Memory(
        seq=7, policy={"a": 1.5}, mark=(1, 2, 3), replicas=4, pending=ParallelismChange(1, 2), outcome=outcome
    )
    stored = json.loads(json.dumps(memory.to_dict()))
    assert Memory.from_dict(stored) == memory
    assert stored_outcome(stored) == outcome


@pytest.mark.parametrize("state", [None, {}, {"seq": 3, "of_a_later_version": 1}], ids=["none", "empty", "unknown"])
def test_memory_of_little(state: dict[str, Any] | None) -> None:
    """Nothing stored is a new run; fields of another version are left out."""
    assert Memory.from_dict(state) == Memory(seq=(state or {}).get("seq", 0))
    assert stored_outcome(state) is None


def test_the_observation_counts_what_is_not_done_as_queued() -> None:
    """Items that wait for a retry or are held are not progress."""
    snapshot = QueueSnapshot(EPOCH + 50, Counts(queued=1, leased=2, delayed=3, done=4, failed=5, dead=6, held=7))
    seen = observation_of(snapshot, JobStatus(parallelism=9, active=5, ready=3, terminating=2), plan_of(28))
    assert (seen.total, seen.queued, seen.leased) == (28, 11, 2)
    assert seen.progress == pytest.approx(15 / 28)
    assert seen.elapsed_seconds == 50
    assert (seen.desired_replicas, seen.ready_replicas, seen.pending_replicas) == (9, 3, 2)


def test_items_that_come_back_undo_the_drain() -> None:
    """Neither the grace nor the removal of the workers counts on when an item is open again."""
    drained = Memory(idle_since=EPOCH, released_at=EPOCH + 5)
    assert (drained.after(LOOK).idle_since, drained.after(LOOK).released_at) == (None, None)


def test_items_beside_a_finished_job_are_counted_after_its_end() -> None:
    """What the last worker acknowledged between the two answers is not taken for lost."""

    async def main(clock: VirtualClock) -> Counts:
        queue = FakeQueue(clock, [1.0])
        cluster = FakeCluster(clock, queue, 1)
        queue.lease()

        class Ending:
            """The Job as it ends: its worker acknowledges just before Kubernetes answers."""

            async def read_job(self) -> JobStatus:
                """As ClusterPort.read_job."""
                await asyncio.sleep(0.1)
                queue.finish(1, 1.0)
                return JobStatus(parallelism=1, succeeded=1, complete=True)

            set_parallelism = cluster.set_parallelism

        return (await take_look(queue, Ending())).snapshot.counts

    assert run_virtual(main) == Counts(done=1)


@pytest.mark.parametrize(
    ("kind", "counts", "success"),
    [
        (OutcomeKind.DRAINED, Counts(done=3), True),
        (OutcomeKind.STOPPED, Counts(done=3, held=4), True),
        (OutcomeKind.DRAINED, Counts(done=3, failed=1), False),
        (OutcomeKind.STOPPED, Counts(done=3, dead=1), False),
        (OutcomeKind.TERMINATED, Counts(done=3), False),
        (OutcomeKind.JOB_FAILED, Counts(done=3), False),
        (OutcomeKind.QUEUE_LOST, None, False),
    ],
)
def test_what_a_success_is(kind: OutcomeKind, counts: Counts | None, success: bool) -> None:
    """An orderly end without a failed or dead item."""
    assert succeeded(kind, counts, Limits()) is success


def test_counts_in_words() -> None:
    """Only what there is, and of how many."""
    assert describe(Counts(done=2, dead=1)) == "2 done, 1 dead of 3"
    assert describe(Counts()) == "no item of 0"


@pytest.mark.parametrize(
    ("configured", "grace_period", "grace"), [(None, 30, 60.0), (None, 300, 300.0), (5.0, 300, 5.0)]
)
def test_exit_grace(configured: float | None, grace_period: int, grace: float) -> None:
    """A minute, the Job's own grace where longer, or what is configured."""
    assert ControlTimings(exit_grace_seconds=configured).exit_grace(grace_period) == grace


def test_rate_is_of_the_last_minute() -> None:
    """Old samples are forgotten, and one sample tells nothing."""
    window = RateWindow()
    assert window.rate() is None
    window.add(0.0, 0)
    assert window.rate() is None
    for second in range(10, 210, 10):
        window.add(float(second), second * 2 if second <= 100 else 200 + (second - 100) * 5)
    assert window.rate() == pytest.approx(5.0)


@pytest.mark.parametrize("fault", ["hangs", "raises"])
def test_a_display_that_fails_costs_nothing(fault: str) -> None:
    """The publisher returns at once, and the end waits for a hanging call only for a limited time."""

    async def main(clock: VirtualClock) -> tuple[float, float]:
        async def callback(_: dict[str, Any]) -> None:
            if fault == "raises":
                raise RuntimeError("the display is broken")
            await asyncio.sleep(1e6)

        publisher = ProgressPublisher(plan_of(10), clock, callback, 5.0)
        publisher.publish(LOOK, "running")
        published = clock.monotonic()
        await publisher.finish(LOOK, "drained")
        return published, clock.monotonic()

    published, finished = run_virtual(main)
    assert published == 0
    assert finished <= 20


def test_progress_without_a_rate_has_no_eta() -> None:
    """At the start the time left is unknown, not endless."""

    async def main(clock: VirtualClock) -> dict[str, Any]:
        return ProgressPublisher(plan_of(10), clock, None, 5.0).summary(LOOK, "running")

    summary = run_virtual(main)
    assert summary["eta_seconds"] is None
    assert summary["rate"] is None
    assert (summary["done"], summary["total"], summary["replicas"], summary["ready"]) == (4, 10, 2, 1)


@pytest.mark.parametrize(("conflicts", "failure"), [(0, None), (2, None), (3, "the object has been modified")])
def test_removing_workers_reads_a_changed_job_again(conflicts: int, failure: str | None) -> None:
    """Two conflicts are overcome; after three it is told what went wrong."""

    async def main(clock: VirtualClock) -> tuple[str | None, int]:
        cluster = FakeCluster(clock, FakeQueue(clock, [1.0]), 4)
        cluster.conflicts = conflicts
        told = await remove_workers(cluster, await cluster.read_job())
        return told, cluster.job.parallelism

    told, parallelism = run_virtual(main)
    assert told == failure
    assert parallelism == (4 if failure else 0)


def test_removing_workers_of_a_deleted_job_is_no_failure() -> None:
    """There is nothing to remove."""

    async def main(clock: VirtualClock) -> str | None:
        cluster = FakeCluster(clock, FakeQueue(clock, [1.0]), 4)
        cluster.gone = True
        return await remove_workers(cluster, None)

    assert run_virtual(main) is None
