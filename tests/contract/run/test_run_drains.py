"""Many workers, few, many, one: what happens to the items that run meanwhile."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contract.run.conftest import Run
from contract.run.lifecycle import cleaned, controlled, deployed, needs_workers
from kubejobs.cluster.client import read_queue_address
from kubejobs.control.plan import Plan
from kubejobs.scaling.registry import POLICIES
from kubejobs.scaling.types import Decision, Observation, PolicyState, Reason
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.connection import open_client
from kubejobs.workqueue.types import QueueAddress

HERE = Path(__file__).parent
STARTS = "test:starts"
_ITEMS_EACH = 3


@dataclass(frozen=True)
class Scene:
    """So many workers after another; so many items of `shortest` to `longest` seconds."""

    targets: tuple[int, ...]
    items: int
    shortest: float
    longest: float

    def lines(self) -> list[str]:
        """The items: a number and how long it takes."""
        chance = random.Random(4)
        return [f"{number} {chance.uniform(self.shortest, self.longest):.2f}" for number in range(self.items)]


LOCAL = Scene((6, 2, 5, 1, 6), 100, 0.3, 0.8)
GENUINE = Scene((12, 3, 10, 1, 12), 170, 2.0, 5.0)


@dataclass(frozen=True)
class InTurn:
    """Wants the next number of workers when the last is there and a few items were done by it."""

    targets: tuple[int, ...]

    def decide(self, observation: Observation, state: PolicyState) -> tuple[Decision, PolicyState]:
        """As Policy.decide; remembers which number it is at, and the items that were done when it was reached."""
        at, since = state.values.get("at", 0), state.values.get("since")
        there = observation.ready_replicas == self.targets[at] and not observation.terminating_replicas
        if since is None and there:
            since = observation.done
        if since is not None and observation.done >= since + _ITEMS_EACH and at + 1 < len(self.targets):
            at, since = at + 1, None
        decision = Decision(self.targets[at], Reason.WITHIN_TRIGGERS, f"{observation.done} items are done")
        return decision, PolicyState({"at": at, "since": since})


@pytest.fixture
def scene(run: Run, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """What the backend has room for, decided by a policy that follows it."""
    needs_workers(run)
    chosen = GENUINE if run.kube.backend.genuine else LOCAL
    monkeypatch.setitem(POLICIES, "default", lambda _: InTurn(chosen.targets))
    return chosen


def scaled_run(run: Run, scene: Scene, script: str, **fields: Any) -> Plan:
    """A run of that worker, whose pods are killed at once when they are removed."""
    most = scene.targets[0]
    return deployed(
        run,
        scene.lines(),
        command=["python3", "-c", (HERE / script).read_text(encoding="utf-8")],
        expected_time=600,
        termination_grace_period=0,
        scaling={"initial_replicas": most, "max_replicas": most, "check_interval": 0.3},
        **fields,
    )


def queue_of(run: Run) -> QueueAddress:
    """Where the run's queue is."""
    address = read_queue_address(run.target.cluster, run.target.run, run.kube.ns)
    assert address is not None
    return address


def targets(journal: list[dict[str, Any]]) -> list[int]:
    """What was decided, one after another; the policy goes on only from what was reached."""
    decided = [line["decision"]["replicas"] for line in journal if line.get("decision")]
    return [replicas for replicas, _ in itertools.groupby(decided)]


@pytest.mark.timeout(360)
def test_no_item_is_interrupted_by_a_scale_down(run: Run, scene: Scene) -> None:
    """Workers of the client library that are removed without any grace: each item is started once, by one delivery."""
    outcome = controlled(run, scaled_run(run, scene, "drain_worker.py"))
    assert outcome.success, outcome.message
    with WorkQueue(queue_of(run)) as queue, open_client(queue_of(run)) as notes:
        journal = list(queue.iter_journal())
        starts = [line.decode() for line in notes.lrange(STARTS, 0, -1)]
        snapshot = queue.snapshot()
        results = list(queue.iter_results())
        exits = list(queue.iter_exits())
    assert sorted(starts) == sorted(scene.lines())
    assert (snapshot.counts.done, snapshot.deliveries) == (scene.items, scene.items)
    assert {result["result"]["attempt"] for result in results} == {1}
    assert len(results) == scene.items
    assert exits == []
    events = {line["event"] for line in journal}
    assert "draining" in events
    assert events.isdisjoint({"recovered", "workers_lost", "drain_escalated"})
    assert targets(journal) == list(scene.targets)
    assert cleaned(run) == []


@pytest.mark.timeout(360)
def test_foreign_workers_lose_no_item_in_a_scale_down(run: Run, scene: Scene) -> None:
    """They can't be asked, so items are interrupted; each comes back when its lease key is over, and is done."""
    outcome = controlled(run, scaled_run(run, scene, "foreign_sleeper.py", drain=False, queue={"lease_seconds": 3}))
    assert outcome.success, outcome.message
    with WorkQueue(queue_of(run)) as queue:
        journal = list(queue.iter_journal())
        counts = queue.snapshot().counts
    assert (counts.done, counts.total) == (scene.items, scene.items)
    assert targets(journal) == list(scene.targets)
    assert "draining" not in {line["event"] for line in journal}
    assert cleaned(run) == []
