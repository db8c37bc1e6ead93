"""The loop is killed, started again, doubled: the run ends as it would have, and the journal is of one piece."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kubejobs.control.loop import run_control
from kubejobs.control.outcome import Outcome, OutcomeKind
from kubejobs.control.ports import ClusterPort, QueuePort
from kubejobs.submission.model import Scaling
from support.control_fakes import FakeCluster, FakeQueue, plan_of
from support.control_runs import assert_journal_is_whole
from support.virtual import VirtualClock, run_virtual

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


def run_killed_at(boundary: int) -> tuple[Outcome, FakeQueue, FakeCluster, int]:
    """The run of PLAN, killed once at the given boundary and started again at once."""

    async def main(clock: VirtualClock) -> tuple[Outcome, FakeQueue, FakeCluster, int]:
        queue = FakeQueue(clock, ITEMS)
        cluster = FakeCluster(clock, queue, 1)
        cluster.start()
        killer = Killer(boundary)
        try:
            outcome = await run_control(
                PLAN, clock=clock, queue=Killable(queue, killer), cluster=Killable(cluster, killer), owner="a"
            )
        except KilledError:
            outcome = await run_control(PLAN, clock=clock, queue=queue, cluster=cluster, owner="a")
        return outcome, queue, cluster, killer.boundaries

    return run_virtual(main)


def decisions(queue: FakeQueue) -> list[tuple[float, int]]:
    """When the policy asked for how many replicas."""
    return [(line["elapsed"], line["decision"]["replicas"]) for line in queue.events("tick") if line["decision"]]


def test_a_kill_at_any_boundary_changes_no_decision_and_no_end() -> None:
    """Killed before or after any call, the run makes the same decisions, each change once, and ends the same way."""
    undisturbed, plain_queue, plain_cluster, boundaries = run_killed_at(10**9)
    assert undisturbed.kind is OutcomeKind.DRAINED
    assert len(plain_cluster.patches) > 3
    for boundary in range(1, boundaries + 1):
        outcome, queue, cluster, _ = run_killed_at(boundary)
        assert outcome == undisturbed, boundary
        assert decisions(queue) == decisions(plain_queue), boundary
        assert cluster.patches == plain_cluster.patches, boundary
        scaled = [(line["from"], line["to"]) for line in queue.events("scaled")]
        assert [to for _, to in scaled] == [replicas for _, replicas in cluster.patches], boundary
        assert all(before[1] == after[0] for before, after in itertools.pairwise(scaled)), boundary
        assert_journal_is_whole(queue)


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
        async def call(*args: Any) -> Any:
            if name == "save_turn" and self._clock.monotonic() >= self._at:
                seconds, self._seconds = self._seconds, 0.0
                await asyncio.sleep(seconds)
            return await getattr(self._port, name)(*args)

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
