"""Whole runs of the control loop on virtual time: how they go and how they end."""

from __future__ import annotations

import itertools

import pytest

from kubejobs.control.outcome import OutcomeKind
from kubejobs.control.timing import ControlTimings
from kubejobs.workqueue.types import Signal
from support.control_cluster import Cluster, FakeCluster
from support.control_fakes import FAIL, FakeQueue
from support.control_runs import assert_journal_is_whole, run


def test_scales_up_when_behind_and_down_when_ahead() -> None:
    """A run that starts slow gets workers, a run that is ahead gives them back, and all items are done."""
    result = run([1.0] * 300, scaling={"initial_replicas": 1, "trigger_down": 0.05}, expected_time=100.0)
    sizes = [replicas for _, replicas in result.cluster.patches]
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert result.outcome.success
    assert result.queue.done == 300
    assert max(sizes) > 2
    assert any(later < earlier for earlier, later in itertools.pairwise(sizes))
    assert_journal_is_whole(result.queue)


def test_decides_on_a_grid_that_does_not_drift() -> None:
    """Decisions are one check interval apart, the first at once."""
    result = run([1.0] * 60, scaling={"check_interval": 7.0})
    ticks = [line["elapsed"] for line in result.queue.events("tick")]
    assert ticks == pytest.approx([7.0 * number for number in range(len(ticks))])


def test_keeps_the_lead_and_sees_a_stop_between_two_distant_decisions() -> None:
    """With an hour between decisions a stop is still seen within a third of the leader's time."""
    result = run(
        [1.0] * 500, scaling={"check_interval": 3600.0}, at={50.0: lambda q, _: setattr(q, "signal", Signal.STOP)}
    )
    assert result.outcome.kind is OutcomeKind.STOPPED
    assert result.outcome.elapsed_seconds < 60
    assert len(result.queue.events("resumed")) == 0


def test_failed_items_let_the_run_drain_but_not_succeed() -> None:
    """Every other item still runs; the outcome counts the failures and is no success."""
    result = run([1.0, FAIL, 1.0])
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert not result.outcome.success
    assert "1 failed" in result.outcome.message


def test_stop_holds_what_is_queued_and_lets_leased_items_finish() -> None:
    """After a stop leased items get their result, queued ones are held, and the run ends in good order."""
    result = run(
        [10.0] * 20, scaling={"initial_replicas": 2}, at={25.0: lambda q, _: setattr(q, "signal", Signal.STOP)}
    )
    counts = result.outcome.counts
    assert result.outcome.kind is OutcomeKind.STOPPED
    assert result.outcome.success
    assert counts is not None
    assert counts.leased == 0
    assert counts.done + counts.held == 20
    assert f"{counts.held} were not run" in result.outcome.message
    assert_journal_is_whole(result.queue)


def test_stop_also_holds_what_comes_back_later() -> None:
    """An item of a dead worker that comes back after the stop is held, not run again."""

    def crash(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.crash_pod()

    result = run(
        [15.0] * 5,
        at={4.0: crash, 5.0: lambda q, _: setattr(q, "signal", Signal.STOP)},
        lease_seconds=20.0,
        like=Cluster(startup_seconds=1.0),
    )
    assert result.outcome.kind is OutcomeKind.STOPPED
    assert result.queue.leases == {}
    assert not result.queue.queued


def test_terminate_ends_at_once_and_removes_the_workers() -> None:
    """A termination is no success, and no worker is wanted afterwards."""
    result = run([10.0] * 20, at={25.0: lambda q, _: setattr(q, "signal", Signal.TERMINATE)})
    assert result.outcome.kind is OutcomeKind.TERMINATED
    assert not result.outcome.success
    assert result.outcome.elapsed_seconds <= 30
    assert result.cluster.patches[-1][1] == 0


def test_workers_that_never_exit_are_removed_after_the_grace() -> None:
    """A drained run whose workers stay ends as drained once they have been removed, and the journal says so."""
    result = run([1.0] * 5, like=Cluster(stay=True), timings=ControlTimings(exit_grace_seconds=30.0))
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert result.outcome.success
    assert result.cluster.patches[-1][1] == 0
    assert len(result.queue.events("workers_released")) == 1


def test_workers_that_exit_too_early_leave_the_run_incomplete() -> None:
    """Items that came back after the last worker had exited can't be run any more; the message counts them."""

    def crash(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.crash_pod()

    result = run([30.0, 1.0], scaling={"initial_replicas": 2}, like=Cluster(exit_early=True), at={5.0: crash})
    assert result.outcome.kind is OutcomeKind.INCOMPLETE
    assert "1 done" in result.outcome.message
    assert not result.outcome.success


def test_a_failed_job_fails_the_run_with_the_reason_of_kubernetes() -> None:
    """Kubernetes' own words are in the message."""
    result = run([10.0] * 20, at={20.0: lambda _, c: setattr(c, "failure", "BackoffLimitExceeded")})
    assert result.outcome.kind is OutcomeKind.JOB_FAILED
    assert "BackoffLimitExceeded" in result.outcome.message


def test_a_job_deleted_from_outside_fails_the_run() -> None:
    """The run does not wait for a Job that is gone."""
    result = run([10.0] * 20, at={20.0: lambda _, c: c.delete()})
    assert result.outcome.kind is OutcomeKind.JOB_DELETED
    assert result.outcome.elapsed_seconds <= 26


def test_a_job_that_comes_late_is_waited_for() -> None:
    """The Job is made beside the loop, so it may not exist yet when the loop starts."""
    result = run([1.0] * 5, like=Cluster(created_after=40.0))
    assert result.outcome.kind is OutcomeKind.DRAINED


def test_a_job_that_never_comes_fails_the_run() -> None:
    """After the time that a Job may take to be made the run fails and says where to look."""
    result = run([1.0] * 5, like=Cluster(created_after=1e9), timings=ControlTimings(job_wait_seconds=60.0))
    assert result.outcome.kind is OutcomeKind.JOB_MISSING
    assert 60 <= result.outcome.elapsed_seconds <= 70


def test_a_lost_queue_fails_the_run() -> None:
    """A queue whose keys are gone is not waited for."""
    result = run([10.0] * 20, at={20.0: lambda q, _: setattr(q, "lost", True)})
    assert result.outcome.kind is OutcomeKind.QUEUE_LOST
    assert "last seen" in result.outcome.message


def test_an_unreadable_queue_is_held_through() -> None:
    """While the queue does not answer nothing is changed; then the journal says for how long, and it goes on."""

    def outage(queue: FakeQueue, _: FakeCluster) -> None:
        queue.down_from, queue.down_until = 20.0, 50.0

    result = run([1.0] * 200, at={0.0: outage})
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert not [moment for moment, _ in result.cluster.patches if 20 < moment < 50]
    (restored,) = result.queue.events("restored")
    assert restored["reason"] == "QueueUnreadable"
    assert 25 <= restored["seconds"] <= 32
    assert_journal_is_whole(result.queue)


@pytest.mark.parametrize("failing", ["down", "silent"], ids=["refused", "hanging"])
def test_a_queue_that_stays_unreadable_fails_the_run(failing: str) -> None:
    """After the stall limit the run fails, whether calls are refused or hang."""

    def fail(queue: FakeQueue, _: FakeCluster) -> None:
        queue.silent = failing == "silent"
        queue.down_from, queue.down_until = 0.0, 1e9

    result = run([10.0] * 200, stall_seconds=120.0, at={20.0: fail})
    assert result.outcome.kind is OutcomeKind.UNREADABLE
    assert 140 <= result.outcome.elapsed_seconds <= 170


def test_an_unreadable_cluster_is_held_through_and_journaled() -> None:
    """The queue is followed while Kubernetes does not answer; the journal has the outage's begin and end."""

    def outage(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.down_from, cluster.down_until = 20.0, 50.0

    result = run([1.0] * 200, at={0.0: outage})
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert [line["event"] for line in result.queue.journal if line.get("reason") == "ClusterUnreadable"] == [
        "degraded",
        "restored",
    ]
    held = [line for line in result.queue.events("tick") if line["replicas"] is None]
    assert held
    assert all(line["decision"]["reason"] == "ClusterUnreadable" for line in held)
    assert_journal_is_whole(result.queue)


def test_a_cluster_that_stays_unreadable_fails_the_run() -> None:
    """After the stall limit the run fails and names the cluster."""

    def outage(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.down_from, cluster.down_until = 20.0, 1e9

    result = run([100.0] * 200, stall_seconds=120.0, at={0.0: outage})
    assert result.outcome.kind is OutcomeKind.UNREADABLE
    assert "the Job could not be read" in result.outcome.message


def test_a_run_without_progress_is_stalled_and_says_why() -> None:
    """No worker fits into the cluster: the run fails after the limit with the cluster's own reason."""
    result = run([1.0] * 5, like=Cluster(room=0), stall_seconds=300.0)
    assert result.outcome.kind is OutcomeKind.STALLED
    assert "Insufficient cpu" in result.outcome.message
    assert 300 <= result.outcome.elapsed_seconds <= 310


def test_capacity_limited_runs_go_on_with_what_fits() -> None:
    """Workers that do not fit are told in the decisions; the others do the work."""
    result = run([1.0] * 100, like=Cluster(room=2), expected_time=30.0)
    reasons = {line["decision"]["reason"] for line in result.queue.events("tick") if line["decision"]}
    assert result.outcome.success
    assert "CapacityLimited" in reasons


def test_a_dead_workers_item_is_run_again() -> None:
    """An expired lease goes back into the queue, and the journal says so; a foreign worker's name is not known."""

    def crash(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.crash_pod()

    result = run([5.0] * 10, at={6.0: crash}, lease_seconds=20.0, like=Cluster(foreign=True))
    assert result.outcome.success
    assert sum(line["recovered"] for line in result.queue.events("recovered")) == 1


def test_a_refused_patch_is_tried_again_on_what_is_then_true() -> None:
    """A conflict costs a turn, not the run."""
    result = run([1.0] * 200, at={0.0: lambda _, c: setattr(c, "conflicts", 2)})
    assert len(result.queue.events("actuation_failed")) == 2
    assert result.queue.events("scaled")
    assert result.outcome.success


def test_the_nop_actuator_decides_and_changes_nothing() -> None:
    """Decisions are in the journal, marked as held; the Job keeps its size."""
    result = run([1.0] * 50, scaling={"actuator": "nop"}, expected_time=20.0)
    held = [line for line in result.queue.events("tick") if line.get("held_by") == "NopActuator"]
    assert held
    assert result.cluster.patches == []
    assert not any(line["actuate"] for line in result.queue.events("tick"))


def test_progress_is_told_at_the_start_now_and_then_and_at_the_end() -> None:
    """The first and last word are always told, the others not more often than the interval."""
    result = run([1.0] * 100, timings=ControlTimings(progress_interval_seconds=10.0))
    elapsed = [summary["elapsed_seconds"] for summary in result.progress]
    assert result.progress[0]["done"] == 0
    assert result.progress[-1]["done"] == result.progress[-1]["total"] == 100
    assert result.progress[-1]["state"] == "drained"
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(elapsed[:-1]))


def test_a_run_of_more_than_a_day_goes_on_counting() -> None:
    """Elapsed time does not wrap after 24 hours."""
    result = run(
        [1000.0] * 400,
        expected_time=90_000.0,
        scaling={"check_interval": 600.0, "max_replicas": 4, "initial_replicas": 4},
        timings=ControlTimings(leader_ttl_seconds=1800.0),
        lease_seconds=3600.0,
    )
    assert result.outcome.success
    assert result.outcome.elapsed_seconds > 86_400
    assert result.queue.events("tick")[-1]["reference"] > 86_400 / 90_000


def test_the_policys_memory_goes_from_decision_to_decision() -> None:
    """Every decision of a pid run follows from the errors of all before it."""
    gains = {"proportional_gain": 4.0, "derivative_gain": 6.0, "integral_gain": 1.5}
    result = run([1.0] * 200, scaling={"policy": "pid", **gains}, expected_time=60.0)
    total, last = 0.0, None
    ticks = [line for line in result.queue.events("tick") if line["decision"]]
    assert len(ticks) > 8
    for line in ticks:
        error = line["error"]
        total += error
        action = int(-4.0 * error - 6.0 * (error - (error if last is None else last)) - 1.5 * total)
        last = error
        assert line["decision"]["replicas"] == max(1, min(10, line["replicas"]["desired"] + action))


def test_outages_are_not_added_up() -> None:
    """Two outages, each shorter than the stall limit, are survived although they are longer together."""
    result = run(
        [1.0] * 300,
        stall_seconds=60.0,
        scaling={"max_replicas": 2},
        at={
            20.0: lambda queue, _: setattr(queue, "down_until", 60.0),
            90.0: lambda queue, _: setattr(queue, "down_until", 130.0),
        },
    )
    assert result.outcome.success
    assert len(result.queue.events("restored")) == 2


def test_workers_that_cannot_be_removed_do_not_keep_the_run_open() -> None:
    """After a second grace the drained run ends, and the journal has what went wrong."""
    result = run(
        [1.0] * 5,
        like=Cluster(stay=True),
        scaling={"max_replicas": 1},
        timings=ControlTimings(exit_grace_seconds=30.0),
        at={20.0: lambda _, cluster: setattr(cluster, "conflicts", 10**9)},
    )
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert 60 <= result.outcome.elapsed_seconds <= 90
    assert len(result.queue.events("workers_released")) == 1
    assert {line["to"] for line in result.queue.events("actuation_failed")} == {0}


def test_nothing_to_do_and_no_job_is_drained_after_the_grace() -> None:
    """A Job that is still to come has nothing to do; it is not waited for longer than workers are to exit."""
    result = run([], like=Cluster(created_after=1e9), timings=ControlTimings(exit_grace_seconds=30.0))
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert 30 <= result.outcome.elapsed_seconds <= 36


def test_a_job_deleted_after_the_last_item_is_no_failure() -> None:
    """What was to be done is done."""
    result = run([1.0] * 5, like=Cluster(stay=True), at={20.0: lambda _, cluster: cluster.delete()})
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert result.outcome.success


def test_a_stopped_run_ends_with_its_job_whatever_became_of_it() -> None:
    """A Job that fails after the stop can finish nothing more: the run has stopped, and says what is unfinished."""

    def fail(_: FakeQueue, cluster: FakeCluster) -> None:
        cluster.crash_pod()
        cluster.failure = "BackoffLimitExceeded"

    result = run([30.0] * 5, at={10.0: lambda q, _: setattr(q, "signal", Signal.STOP), 20.0: fail})
    assert result.outcome.kind is OutcomeKind.STOPPED
    assert "5 were not run" in result.outcome.message
    assert result.outcome.elapsed_seconds <= 26
