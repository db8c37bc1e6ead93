"""The loop is killed, started again, doubled: the run ends as it would have, and the journal is of one piece."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from kubejobs.control.loop import run_control
from kubejobs.control.memory import Memory, ParallelismChange
from kubejobs.control.outcome import Outcome, OutcomeKind
from kubejobs.control.plan import Plan
from kubejobs.control.ports import ClusterPort, QueuePort
from kubejobs.control.timing import ControlTimings
from kubejobs.scaling.registry import POLICIES
from kubejobs.submission.model import Scaling
from kubejobs.workqueue.types import Signal
from support.control_cluster import Cluster, FakeCluster
from support.control_fakes import FakeQueue, plan_of
from support.control_runs import ScriptedPolicy, assert_journal_is_whole
from support.virtual import EPOCH, VirtualClock, run_virtual

PLAN = plan_of(
    60,
    expected_time=30.0,
    scaling=Scaling(
        policy="pid", max_replicas=8, proportional_gain=10.0, derivative_gain=8.0, integral_gain=2.0, check_interval=3.0
    ),
)
ITEMS = [1.0] * 60


class KilledError(BaseException):
    """The process was killed: nothing of it catches this."""


class Killer:
    """Counts the boundaries of calls, before and after each, and kills at one of them; the dead call nothing more."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.boundaries = 0

    def boundary(self) -> None:
        """One boundary is passed, or is the end."""
        self.boundaries += 1
        if self.boundaries >= self.at:
            raise KilledError


class Killable:
    """A port whose calls pass the killer's boundaries."""

    def __init__(self, port: QueuePort | ClusterPort, killer: Killer) -> None:
        self._port = port
        self._killer = killer

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self._killer.boundary()
            answer = await getattr(self._port, name)(*args, **kwargs)
            self._killer.boundary()
            return answer

        return call


@dataclass(frozen=True)
class Scenario:
    """A run that is killed once; `stop_at` is when it is asked to stop, `like` what its cluster is like."""

    plan: Plan
    items: int
    stop_at: float | None = None
    like: Cluster | None = None
    workers: int = 1
    item_seconds: float = 1.0


SCALED = Scenario(PLAN, 60, like=Cluster(foreign=True))
STOPPED = Scenario(plan_of(30, expected_time=30.0, scaling=Scaling(check_interval=3.0)), 30, 7.0, Cluster(stay=True))


def run_killed_at(boundary: int, scenario: Scenario) -> tuple[Outcome, FakeQueue, FakeCluster, int]:
    """The scenario's run, killed once at the given boundary and started again at once."""
    timings = ControlTimings(exit_grace_seconds=4.0)

    async def main(clock: VirtualClock) -> tuple[Outcome, FakeQueue, FakeCluster, int]:
        queue = FakeQueue(clock, [scenario.item_seconds] * scenario.items)
        cluster = FakeCluster(clock, queue, scenario.workers, scenario.like)
        cluster.start()
        if scenario.stop_at is not None:
            asyncio.get_running_loop().call_later(scenario.stop_at, setattr, queue, "signal", Signal.STOP)
        killer = Killer(boundary)
        dying: Any = Killable(queue, killer), Killable(cluster, killer)
        try:
            outcome = await run_control(
                scenario.plan, clock=clock, queue=dying[0], cluster=dying[1], owner="a", timings=timings
            )
        except KilledError:
            outcome = await run_control(
                scenario.plan, clock=clock, queue=queue, cluster=cluster, owner="a", timings=timings
            )
        return outcome, queue, cluster, killer.boundaries

    return run_virtual(main)


def decisions(queue: FakeQueue) -> list[tuple[float, int]]:
    """When the policy asked for how many replicas."""
    return [(line["elapsed"], line["decision"]["replicas"]) for line in queue.events("tick") if line["decision"]]


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [(SCALED, OutcomeKind.DRAINED), (STOPPED, OutcomeKind.STOPPED)],
    ids=["scaled-and-drained", "stopped-and-removed"],
)
def test_a_kill_at_any_boundary_changes_no_decision_and_no_end(scenario: Scenario, kind: OutcomeKind) -> None:
    """Killed before or after any call, the run makes the same decisions, each change once, and ends the same way."""
    undisturbed, plain_queue, plain_cluster, boundaries = run_killed_at(10**9, scenario)
    assert undisturbed.kind is kind
    changes = plain_queue.events("scaled")
    assert len(changes) > 1
    for boundary in range(1, boundaries + 1):
        outcome, queue, cluster, _ = run_killed_at(boundary, scenario)
        assert (outcome.kind, outcome.success, outcome.counts) == (kind, True, undisturbed.counts), boundary
        assert outcome.ended_at == pytest.approx(undisturbed.ended_at, abs=1.0), boundary
        assert decisions(queue) == decisions(plain_queue), boundary
        assert cluster.patches[: len(changes)] == plain_cluster.patches[: len(changes)], boundary
        assert {replicas for _, replicas in cluster.patches[len(changes) :]} <= {0}, boundary
        scaled = [(line["from"], line["to"]) for line in queue.events("scaled")]
        assert scaled == [(line["from"], line["to"]) for line in changes], boundary
        assert len(queue.events("workers_released")) == len(plain_queue.events("workers_released")), boundary
        assert_journal_is_whole(queue)


DRAINED = Scenario(
    plan_of(24, scaling=Scaling(check_interval=4.0)),
    24,
    like=Cluster(removal_seconds=0.7, grace_seconds=2.0),
    workers=5,
    item_seconds=1.7,
)


def test_a_kill_at_any_boundary_of_a_drain_interrupts_no_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before or after any call, the drain goes on: no item is run twice, and each change is journaled once."""
    monkeypatch.setitem(POLICIES, "default", lambda _: ScriptedPolicy({4.0: 2, 8.0: 4, 12.0: 1}))
    boundaries = run_killed_at(10**9, DRAINED)[3]
    for boundary in range(1, boundaries + 1):
        outcome, queue, cluster, _ = run_killed_at(boundary, DRAINED)
        assert outcome.success, boundary
        assert (cluster.interrupted, queue.deliveries) == (0, 24), boundary
        changes = [(line["from"], line["to"]) for line in queue.events("scaled")]
        assert [replicas for _, replicas in cluster.patches] == [after for _, after in changes], boundary
        assert [before for before, _ in changes] == [5, *(after for _, after in changes[:-1])], boundary
        assert changes[-1][1] == 1, boundary
        assert (queue.tokens, queue.drained) == (0, {}), boundary
        assert_journal_is_whole(queue)


def going_on(
    memory: Memory, *, parallelism: int, signal: Signal | None = None
) -> tuple[Outcome, FakeQueue, FakeCluster]:
    """A run of which a loop has stored `memory` and died; the Job has `parallelism` when the next starts."""

    async def main(clock: VirtualClock) -> tuple[Outcome, FakeQueue, FakeCluster]:
        queue = FakeQueue(clock, [1.0] * 8)
        queue.state, queue.signal = json.dumps(memory.to_dict()), signal
        cluster = FakeCluster(clock, queue, parallelism)
        outcome = await run_control(plan_of(8), clock=clock, queue=queue, cluster=cluster, owner="a")
        return outcome, queue, cluster

    return run_virtual(main)


@pytest.mark.parametrize(
    ("parallelism", "signal", "patches", "scaled"),
    [(2, None, [3], 1), (3, None, [], 1), (7, None, [], 0), (2, Signal.STOP, [], 0)],
    ids=["not-made-yet", "made-already", "changed-by-another", "stopped-meanwhile"],
)
def test_a_change_that_was_journaled_is_made_once(
    parallelism: int, signal: Signal | None, patches: list[int], scaled: int
) -> None:
    """Made if the Job is as it was, noted if it is made, left if somebody else changed the Job or stopped the run."""
    memory = Memory(seq=5, replicas=2, next_tick_at=EPOCH + 4.9, pending=ParallelismChange(2, 3))
    outcome, queue, cluster = going_on(memory, parallelism=parallelism, signal=signal)
    early = [replicas for moment, replicas in cluster.patches if moment < 4]
    assert early == patches
    assert len([line for line in queue.events("scaled") if line["elapsed"] < 4]) == scaled
    assert queue.journal[0]["seq"] == 6
    assert outcome.success


def test_a_run_that_is_over_says_the_same_again() -> None:
    """A loop that is started after the end returns the stored outcome and writes nothing."""

    async def main(clock: VirtualClock) -> tuple[Outcome, Outcome, int, int]:
        queue = FakeQueue(clock, ITEMS)
        cluster = FakeCluster(clock, queue, 4)
        first = await run_control(PLAN, clock=clock, queue=queue, cluster=cluster, owner="a")
        lines = len(queue.journal)
        again = await run_control(PLAN, clock=clock, queue=queue, cluster=cluster, owner="b")
        return first, again, lines, len(queue.journal)

    first, again, before, after = run_virtual(main)
    assert again == first
    assert after == before


class Stalling:
    """A port whose calls take `seconds` longer from `at` on, once: a process that was stopped for a while."""

    def __init__(self, port: QueuePort, clock: VirtualClock, at: float, seconds: float) -> None:
        self._port = port
        self._clock = clock
        self._at = at
        self._seconds = seconds

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if name == "save_turn" and self._clock.monotonic() >= self._at:
                seconds, self._seconds = self._seconds, 0.0
                await asyncio.sleep(seconds)
            return await getattr(self._port, name)(*args, **kwargs)

        return call


@pytest.mark.parametrize("owners", [("a", "b"), ("a", "a")], ids=["two-owners", "one-owner"])
@pytest.mark.parametrize("stall_seconds", [0.0, 9.0, 40.0], ids=["healthy", "short-stall", "long-stall"])
def test_two_loops_at_once_are_as_good_as_one(owners: tuple[str, str], stall_seconds: float) -> None:
    """One leads and the other waits; after a stall the other takes over; the journal has no gap and no double line."""

    async def main(clock: VirtualClock) -> tuple[list[Outcome], FakeQueue, FakeCluster]:
        queue = FakeQueue(clock, [2.0] * 120)
        cluster = FakeCluster(clock, queue, 1)
        plan = plan_of(120, expected_time=60.0)
        stalling = Stalling(queue, clock, 12.0, stall_seconds)
        outcomes = await asyncio.gather(
            run_control(plan, clock=clock, queue=stalling, cluster=cluster, owner=owners[0]),
            run_control(plan, clock=clock, queue=queue, cluster=cluster, owner=owners[1]),
        )
        return list(outcomes), queue, cluster

    (first, second), queue, cluster = run_virtual(main)
    assert first == second
    assert first.success
    assert_journal_is_whole(queue)
    assert len(queue.events("scaled")) == len(cluster.patches)
    if not stall_seconds:
        takeovers = len(queue.events("resumed"))
        assert takeovers == 0 if owners == ("a", "b") else takeovers <= 2 + first.elapsed_seconds / 7


def test_a_cancelled_loop_lets_another_lead_at_once() -> None:
    """When the triggerer shuts down in good order the next loop does not have to wait for the lock to run out."""

    async def main(clock: VirtualClock) -> tuple[float, Outcome]:
        queue = FakeQueue(clock, [2.0] * 60)
        cluster = FakeCluster(clock, queue, 1)
        plan = plan_of(60)
        first = asyncio.create_task(run_control(plan, clock=clock, queue=queue, cluster=cluster, owner="a"))
        await asyncio.sleep(11)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        outcome = await run_control(plan, clock=clock, queue=queue, cluster=cluster, owner="b")
        (resumed,) = queue.events("resumed")
        return resumed["elapsed"], outcome

    resumed_at, outcome = run_virtual(main)
    assert resumed_at == pytest.approx(11)
    assert outcome.success
