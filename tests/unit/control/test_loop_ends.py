"""Whole runs on virtual time: limits on failed items, queues that stay open, workers that are lost."""

from __future__ import annotations

import pytest

from kubejobs.control.outcome import OutcomeKind
from kubejobs.workqueue.types import WorkerExit
from support.control_cluster import Cluster, FakeCluster
from support.control_fakes import FAIL, FakeQueue
from support.control_runs import Happening, run

OOM = WorkerExit("OOMKilled", "container worker used more than its memory limit of 64Mi", 137)


def crash(end: WorkerExit | None) -> Happening:
    """A worker dies that way."""
    return lambda _, cluster: cluster.crash_pod(end)


def open_queue(queue: FakeQueue, _: FakeCluster) -> None:
    """More items may come."""
    queue.closed = False


def close_queue(queue: FakeQueue, _: FakeCluster) -> None:
    """No more items will come."""
    queue.closed = True


@pytest.mark.parametrize("limits", [{"max_failed_items": 3}, {"max_failed_ratio": 0.03}], ids=["number", "share"])
def test_too_many_failed_items_end_the_run_early(limits: dict[str, float]) -> None:
    """The workers are removed, and the message has the numbers."""
    result = run([FAIL] * 6 + [5.0] * 94, limits=limits)
    assert result.outcome.kind is OutcomeKind.TOO_MANY_FAILED
    assert not result.outcome.success
    assert result.cluster.patches[-1][1] == 0
    assert result.queue.queued
    assert f"limits.{next(iter(limits))} allows" in result.outcome.message


@pytest.mark.parametrize(
    "limits",
    [{"max_failed_items": 2}, {"max_failed_ratio": 0.1}, {"max_failed_items": 2, "max_failed_ratio": 0.1}],
    ids=["number", "share", "both"],
)
def test_failed_items_within_the_limits_are_tolerated(limits: dict[str, float]) -> None:
    """The run drains and succeeds."""
    result = run([FAIL, FAIL, *[1.0] * 18], limits=limits)
    assert (result.outcome.kind, result.outcome.success) == (OutcomeKind.DRAINED, True)
    assert "2 failed" in result.outcome.message


def test_a_share_is_not_judged_while_items_may_come() -> None:
    """The first failed item of a queue that is being filled says nothing of the whole."""
    result = run([FAIL, *[1.0] * 19], limits={"max_failed_ratio": 0.04}, before=open_queue, at={15.0: close_queue})
    assert result.outcome.kind is OutcomeKind.TOO_MANY_FAILED
    assert result.outcome.elapsed_seconds >= 15


def test_an_open_queue_is_not_drained() -> None:
    """Nothing open does not mean that nothing will come: late items are run, and the end is after the close."""

    def append(queue: FakeQueue, _: FakeCluster) -> None:
        queue.queued.extend([1.0] * 4)

    result = run([1.0] * 3, before=open_queue, at={30.0: append, 60.0: close_queue})
    assert (result.outcome.kind, result.queue.done) == (OutcomeKind.DRAINED, 7)
    assert len(result.queue.events("drained")) == 1
    assert result.outcome.elapsed_seconds >= 60


def test_a_queue_that_nobody_closes_is_stalled_with_its_own_words() -> None:
    """The message says who has to do what."""
    result = run([1.0] * 3, before=open_queue, stall_seconds=120.0)
    assert result.outcome.kind is OutcomeKind.STALLED
    assert "the queue was not closed" in result.outcome.message


def test_workers_that_leave_an_open_queue_end_the_run() -> None:
    """Kubernetes starts no more for this Job, so late items would never be run."""
    result = run([1.0] * 3, before=open_queue, like=Cluster(exit_early=True))
    assert result.outcome.kind is OutcomeKind.INCOMPLETE
    assert "although the queue was not closed" in result.outcome.message


@pytest.mark.parametrize(
    ("end", "reason", "blames"), [(OOM, "OOMKilled", True), (None, "PodGone", False)], ids=["oom", "deleted"]
)
def test_what_a_lost_worker_held_is_put_back_at_once(end: WorkerExit | None, reason: str, blames: bool) -> None:
    """Long before its lease is over; the ledger has how it ended."""
    result = run([5.0] * 10, at={6.0: crash(end)}, lease_seconds=3600.0)
    assert result.outcome.success
    assert result.outcome.elapsed_seconds < 100
    (lost,) = result.queue.events("workers_lost")
    assert (lost["lost"], lost["recovered"], list(lost["workers"].values())) == (1, 1, [reason])
    (noted,) = result.queue.exits.values()
    assert (noted.reason, noted.blames_items) == (reason, blames)


def test_a_failed_pod_that_held_nothing_is_noted_once() -> None:
    """It stays known to Kubernetes for the whole run, and is one line."""

    def fail_idle(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.fail_unstarted(OOM)

    result = run([2.0] * 40, at={11.0: fail_idle, 20.0: crash(OOM)}, scaling={"initial_replicas": 3})
    first, second = result.queue.events("workers_lost")
    assert (first["recovered"], second["recovered"]) == (0, 1)
    assert len(result.queue.exits) == 2


def test_the_end_of_the_last_worker_of_a_failed_job_is_noted() -> None:
    """Before the run ends as failed, so that the report can say that memory was the reason."""

    def fail(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.failure = "BackoffLimitExceeded"
        cluster.crash_pod(OOM)

    result = run([30.0] * 5, at={8.0: fail})
    assert result.outcome.kind is OutcomeKind.JOB_FAILED
    assert [end.reason for end in result.queue.exits.values()] == ["OOMKilled"]


def test_the_queue_is_told_how_many_pods_can_hold_an_item() -> None:
    """Never fewer than there may be; not while the Job can't be read."""
    result = run(
        [2.0] * 40,
        scaling={"initial_replicas": 4, "max_replicas": 4},
        at={10.0: lambda _, cluster: (setattr(cluster, "down_from", 10.0), setattr(cluster, "down_until", 16.0))},
    )
    assert {4, None} <= set(result.queue.live_workers)
