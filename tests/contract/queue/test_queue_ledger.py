"""The ledger under every interleaving: a model of the run beside the real one, with workers that crash at any point."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, QueueState, RetryDelays, Settled
from kubejobs.workqueue.types import Signal
from support.queue_fixtures import expire_leases
from support.valkey import ValkeyServer

WORKERS = ("pod-1", "pod-2", "pod-3")
MAX_ATTEMPTS = 3
STOP_AFTER_ITEMS = 20
"""A stop ends everything interesting, so it comes late."""
ITEMS = st.lists(st.sampled_from("aabc"), min_size=2, max_size=8)


class Ledger(RuleBasedStateMachine):
    """Client workers, foreign workers, a control loop and time, in any order."""

    server: ValkeyServer

    @initialize(items=ITEMS)
    def fill(self, items: list[str]) -> None:
        """Deploy."""
        self.raw = self.server.client()
        self.address = self.server.address("ledger:")
        self.queue = WorkQueue(self.address)
        self.queue.delete_run()
        self.queue.fill(items, close=False)
        self.items = list(items)
        self.done = 0
        self.foreign: list[str] = []
        self.workers = {name: self._worker(name) for name in WORKERS}
        self.held: dict[str, tuple[str, ...]] = dict.fromkeys(WORKERS, ())

    def _worker(self, name: str) -> LeaseClient:
        return LeaseClient(
            self.address, name, lease_seconds=1000, max_attempts=MAX_ATTEMPTS, delays=RetryDelays(1000, 1000)
        )

    @rule(items=ITEMS)
    def append(self, items: list[str]) -> None:
        """Late arrivals."""
        self.queue.append(items)
        self.items += items

    @rule(
        name=st.sampled_from(WORKERS),
        take=st.sampled_from((0, 1, 3, 4)),
        endings=st.lists(st.sampled_from(Ending), max_size=4),
    )
    def turn(self, name: str, take: int, endings: list[Ending]) -> None:
        """A worker ends its items in some way and takes others."""
        held = self.held[name]
        outcomes = [
            Outcome(place, ending, '["x",1]' if ending is Ending.RESULT else "{}")
            for place, ending in enumerate(endings[: len(held)], 1)
            if ending is not Ending.DONE
        ]
        turn = self.workers[name].turn(outcomes, take=take)
        if turn.settled is Settled.SETTLED:
            kept_back = sum(outcome.ending is not Ending.RESULT for outcome in outcomes)
            self.done += len(held) - kept_back
        self.held[name] = turn.items
        assert (turn.state is QueueState.LEASED) == bool(turn.items)

    @rule(name=st.sampled_from(WORKERS))
    def lose_reply(self, name: str) -> None:
        """A turn's reply is lost; it is sent again and must bring the same lease."""
        worker = self.workers[name]
        before = worker._number, worker.lease
        first = worker.turn(take=2)
        worker._number, worker.lease = before
        again = worker.turn(take=2)
        assert (again.items, again.settled) == (first.items, first.settled)
        if first.settled is Settled.SETTLED:
            self.done += len(self.held[name])
        self.held[name] = again.items

    @rule(name=st.sampled_from(WORKERS))
    def crash(self, name: str) -> None:
        """A worker dies; another pod starts in its place."""
        self.workers[name].close()
        self.workers[name] = self._worker(name)
        self.held[name] = ()

    @rule()
    def foreign_take(self) -> None:
        """A worker of the open contract takes an item."""
        if item := self.raw.rpoplpush(self.queue.keys.queued, self.queue.keys.processing):
            self.foreign.append(item)

    @rule(fails=st.booleans())
    def foreign_end(self, fails: bool) -> None:
        """It ends one, well or badly, and has crashed if the item was taken from it meanwhile."""
        if self.foreign and self.raw.lrem(self.queue.keys.processing, 1, self.foreign.pop()):
            if fails:
                self.raw.rpush(self.queue.keys.errors, "an item")
            else:
                self.done += 1

    @rule()
    def time_passes(self) -> None:
        """Leases, delays and graces end."""
        expire_leases(self.raw, self.queue.keys)

    @rule()
    def recover(self) -> None:
        """The control loop looks for what has expired."""
        self._control(lambda queue: queue.recover_expired())

    @rule(name=st.sampled_from(WORKERS))
    def crash_with_items(self, name: str) -> None:
        """A worker dies with a whole batch in its hands, and control notices."""
        self.turn(name, 4, [])
        self.crash(name)
        self.time_passes()
        self.recover()

    @rule(name=st.sampled_from(WORKERS))
    def retry_all(self, name: str) -> None:
        """A worker's items all fail for now."""
        self.turn(name, 4, [])
        self.turn(name, 0, [Ending.RETRY] * 4)

    @precondition(lambda self: len(self.items) > STOP_AFTER_ITEMS)
    @rule()
    def stop(self) -> None:
        """The run is asked to stop."""
        self.queue.signal_run(Signal.STOP)
        self._control(lambda queue: queue.hold_queued())

    @rule()
    def restart_scripts(self) -> None:
        """The server forgets its scripts."""
        self.raw.script_flush()

    def _control(self, action: Any) -> None:
        async def inside() -> None:
            async with AsyncWorkQueue(self.address, max_attempts=MAX_ATTEMPTS) as queue:
                await action(queue)

        asyncio.run(inside())

    @invariant()
    def sums_add_up(self) -> None:
        """Every item is in one place: the sums are the total, and done is what was truly acknowledged."""
        counts = self.queue.snapshot().counts
        assert counts.total == len(self.items)
        assert counts.done == self.done
        assert min(counts.queued, counts.leased, counts.delayed, counts.held) >= 0

    @invariant()
    def counter_of_leased_is_right(self) -> None:
        """The counter equals what the lists of the leases hold."""
        base = self.queue.keys.queued
        lists = sum(self.raw.llen(f"{base}:lease:{lease}") for lease in self.raw.zrange(f"{base}:leases", 0, -1))
        assert int(self.raw.hget(f"{base}:counts", "leased") or 0) == lists

    @invariant()
    def ended_items_have_records(self) -> None:
        """Each failed or dead item is in the report."""
        counts = self.queue.snapshot().counts
        assert counts.failed + counts.dead == len(list(self.queue.iter_failures()))

    def teardown(self) -> None:
        """Disconnect."""
        if hasattr(self, "queue"):
            for worker in self.workers.values():
                worker.close()
            self.queue.delete_run()
            self.queue.close()
            self.raw.close()


@pytest.mark.timeout(240)
def test_the_ledger_holds_under_every_interleaving(valkey: ValkeyServer) -> None:
    """Whatever happens in whatever order, no item is lost and none is counted twice."""
    Ledger.server = valkey
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
