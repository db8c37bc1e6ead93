"""Whole controlled runs on virtual time, for the tests of the loop and of what is made of its journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubejobs.control.loop import run_control
from kubejobs.control.outcome import Outcome
from kubejobs.control.plan import Plan
from kubejobs.control.timing import ControlTimings
from kubejobs.scaling.types import Decision, Observation, PolicyState, Reason
from kubejobs.submission.model import Limits, Scaling
from support.control_cluster import Cluster, FakeCluster
from support.control_fakes import FakeQueue, plan_of
from support.virtual import VirtualClock, run_virtual

Happening = Callable[[FakeQueue, FakeCluster], object]


@dataclass
class Run:
    """One run and what became of it."""

    plan: Plan
    outcome: Outcome
    queue: FakeQueue
    cluster: FakeCluster
    progress: list[dict[str, Any]] = field(default_factory=list)


def run(
    items: list[float],
    *,
    scaling: dict[str, Any] | None = None,
    like: Cluster | None = None,
    expected_time: float = 100.0,
    stall_seconds: float = 1800.0,
    timings: ControlTimings | None = None,
    at: dict[float, Happening] | None = None,
    lease_seconds: float = 60.0,
    limits: dict[str, Any] | None = None,
    drain: bool = True,
    before: Happening | None = None,
) -> Run:
    """Control a run of `items` to its end; `at` says what happens at which virtual second, `before` prepares it."""
    plan = plan_of(
        len(items),
        expected_time=expected_time,
        scaling=Scaling(**({"max_replicas": 10} | (scaling or {}))),
        limits=Limits(stall_seconds=stall_seconds, **(limits or {})),
        drain=drain,
    )

    async def main(clock: VirtualClock) -> Run:
        queue = FakeQueue(clock, items, lease_seconds=lease_seconds)
        cluster = FakeCluster(clock, queue, plan.submission.scaling.initial_replicas, like)
        progress: list[dict[str, Any]] = []
        if before is not None:
            before(queue, cluster)

        async def on_progress(summary: dict[str, Any]) -> None:
            progress.append(summary)

        for seconds, event in (at or {}).items():
            asyncio.get_running_loop().call_later(seconds, event, queue, cluster)
        outcome = await run_control(
            plan, clock=clock, queue=queue, cluster=cluster, owner="a", timings=timings, on_progress=on_progress
        )
        return Run(plan, outcome, queue, cluster, progress)

    return run_virtual(main)


@dataclass(frozen=True)
class ScriptedPolicy:
    """Wants so many replicas from so many elapsed seconds on."""

    script: dict[float, int]

    def decide(self, observation: Observation, state: PolicyState) -> tuple[Decision, PolicyState]:
        """As Policy.decide."""
        due = [replicas for start, replicas in sorted(self.script.items()) if start <= observation.elapsed_seconds]
        replicas = due[-1] if due else observation.desired_replicas
        return Decision(replicas, Reason.WITHIN_TRIGGERS, "as scripted"), state


def assert_journal_is_whole(queue: FakeQueue) -> None:
    """Sequence numbers without a gap, times that never go back, one start, one end."""
    assert [line["seq"] for line in queue.journal] == list(range(1, len(queue.journal) + 1))
    assert [line["at"] for line in queue.journal] == sorted(line["at"] for line in queue.journal)
    assert len(queue.events("start")) == len(queue.events("end")) == 1
    assert queue.journal[-1]["event"] == "end"
