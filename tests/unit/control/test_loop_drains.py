"""Whole runs on virtual time in which workers drain before they are removed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from kubejobs.control.outcome import OutcomeKind
from kubejobs.scaling.registry import POLICIES
from kubejobs.workqueue.types import Signal
from support.control_cluster import Cluster, FakeCluster
from support.control_fakes import FakeQueue
from support.control_runs import Run, ScriptedPolicy, assert_journal_is_whole, run


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run whose policy wants so many workers from so many seconds on."""

    def scripted_run(script: dict[float, int], items: list[float], **options: Any) -> Run:
        monkeypatch.setitem(POLICIES, "default", lambda _: ScriptedPolicy(script))
        scaling = {"initial_replicas": 6, "check_interval": 3.0} | options.pop("scaling", {})
        return run(items, scaling=scaling, **options)

    return scripted_run


def sizes(result: Run) -> list[int]:
    """The Job's parallelism, change by change."""
    return [replicas for _, replicas in result.cluster.patches]


DOWN_UP_DOWN = {12.0: 2, 30.0: 5, 48.0: 1, 60.0: 4}


@pytest.mark.parametrize("removal_seconds", [0.0, 0.7, 2.5], ids=["at-once", "soon", "late"])
@pytest.mark.parametrize("grace_seconds", [0.0, 4.0], ids=["no-grace", "grace"])
@pytest.mark.parametrize("item", [0.7, 3.1, 9.0], ids=["short", "medium", "long"])
def test_no_item_is_interrupted(scripted: Any, removal_seconds: float, grace_seconds: float, item: float) -> None:
    """Whatever the items take and however late Kubernetes acts, workers are removed only when they hold nothing."""
    items = [item * (1 + number % 3 / 2) for number in range(int(150 / item))]
    like = Cluster(removal_seconds=removal_seconds, grace_seconds=grace_seconds)
    result = scripted(DOWN_UP_DOWN, items, like=like)
    assert result.outcome.success
    assert result.cluster.interrupted == 0
    assert result.queue.deliveries == len(items)
    assert len(result.queue.events("draining")) >= 2
    assert result.queue.events("workers_lost") == []
    assert any(later < earlier for earlier, later in itertools.pairwise([6, *sizes(result)]))
    assert_journal_is_whole(result.queue)


def test_the_policy_sees_the_target(scripted: Any) -> None:
    """A decision that was made is not made again while its workers finish their items, and its line tells both."""
    result = scripted({6.0: 2}, [20.0] * 20)
    ticks = [line for line in result.queue.events("tick") if line["replicas"] and 6 < line["elapsed"] < 20]
    assert {line["replicas"]["desired"] for line in ticks} == {2}
    assert {line["replicas"]["parallelism"] for line in ticks} == {6}
    assert [line["actuate"] for line in result.queue.events("tick")].count(True) == 1
    (first, *_) = result.queue.events("draining")
    assert (first["target"], first["asked"], first["drained"]) == (2, 4, 0)


def test_workers_that_never_finish_are_removed_after_their_time(scripted: Any) -> None:
    """The plain change is made then, and what they held is run again."""
    result = scripted({6.0: 2}, [300.0] * 6, scaling={"drain_seconds": 40.0})
    (escalated,) = result.queue.events("drain_escalated")
    assert 46 <= escalated["elapsed"] <= 50
    assert result.cluster.interrupted == 4
    assert sizes(result) == [2]
    assert result.outcome.success


def test_more_workers_are_first_the_drained_ones(scripted: Any) -> None:
    """When the target rises before they were removed they go on, and none is added that is not missing."""
    result = scripted({6.0: 2, 9.0: 6}, [1.0, 1.0, 1.0, 1.0, 20.0, 20.0] + [1.0] * 60, like=Cluster(probe_seconds=30.0))
    assert sizes(result) == []
    assert result.queue.drained == {}
    assert result.outcome.success


@pytest.mark.parametrize(
    ("like", "drain"), [(Cluster(foreign=True), True), (Cluster(), False)], ids=["foreign-image", "switched-off"]
)
def test_workers_that_cannot_be_asked_are_removed_at_once(scripted: Any, like: Cluster, drain: bool) -> None:
    """The plain change, and no word of a drain."""
    result = scripted({6.0: 2}, [20.0] * 20, like=like, drain=drain)
    assert result.cluster.patches == [(6.0, 2)]
    assert result.queue.events("draining") == []
    assert result.outcome.success


def test_a_drain_whose_workers_are_gone_is_not_waited_for(scripted: Any) -> None:
    """When no session of the library is left the plain change is made."""
    result = scripted({6.0: 2}, [40.0] * 12, at={12.0: lambda queue, _: queue.sessions.clear()})
    (escalated,) = result.queue.events("drain_escalated")
    assert escalated["elapsed"] < 15
    assert "no worker that could be asked" in escalated["message"]


@pytest.mark.parametrize("signal", [Signal.STOP, Signal.TERMINATE])
def test_the_end_of_a_run_cancels_a_drain(scripted: Any, signal: Signal) -> None:
    """Nobody is asked any more once the run is stopped or terminated."""
    result = scripted({6.0: 2}, [30.0] * 20, at={12.0: lambda queue, _: setattr(queue, "signal", signal)})
    assert result.outcome.kind in {OutcomeKind.STOPPED, OutcomeKind.TERMINATED}
    assert (result.queue.tokens, result.queue.drained) == (0, {})


def test_a_drained_run_cancels_its_drain(scripted: Any) -> None:
    """Workers that wait to be removed end like the others when nothing is left to do."""
    result = scripted({6.0: 1}, [1.0] * 20 + [30.0], like=Cluster(probe_seconds=1000.0))
    assert result.outcome.kind is OutcomeKind.DRAINED
    assert (result.queue.tokens, result.queue.drained) == (0, {})


def test_the_first_worker_that_exits_cancels_a_drain(scripted: Any) -> None:
    """Kubernetes removes none any more, so those that wait for it must work on."""
    result = scripted(
        {6.0: 2}, [30.0] * 6 + [3.0] * 30, at={8.0: lambda _, cluster: setattr(cluster.job, "succeeded", 1)}
    )
    assert result.outcome.success
    assert result.queue.drained == {}
    assert result.cluster.interrupted == 0


def test_a_stale_request_is_taken_back(scripted: Any) -> None:
    """What a loop that had lost the lead asked for after the drain was over holds for one check interval at most."""

    def stale(queue: FakeQueue, _: FakeCluster) -> None:
        queue.tokens = 3

    result = scripted({}, [2.0] * 60, at={10.5: stale})
    assert result.queue.drained == {}
    assert result.outcome.success


def test_pods_that_cannot_be_read_hold_the_drain_only(scripted: Any) -> None:
    """Nothing is lowered blindly; when they can be read again the drain goes on."""
    result = scripted(
        {6.0: 2},
        [2.0] * 100,
        at={
            5.0: lambda _, cluster: setattr(cluster, "pods_unreadable", True),
            30.0: lambda _, cluster: setattr(cluster, "pods_unreadable", False),
        },
    )
    assert result.cluster.patches[0][0] >= 30
    assert result.cluster.interrupted == 0
    assert sizes(result)[-1] == 2


def test_a_refused_change_of_a_drain_is_made_later(scripted: Any) -> None:
    """By what is then true."""
    result = scripted({6.0: 2}, [2.0] * 100, at={5.0: lambda _, cluster: setattr(cluster, "conflicts", 2)})
    assert len(result.queue.events("actuation_failed")) == 2
    assert result.cluster.interrupted == 0
    assert sizes(result)[-1] == 2
