"""A run's queue under random orders of everything that can happen to it, as a state machine for hypothesis.

Rule: whatever is done, is done to every kind of queue that takes part, and all have to answer the same; what was
acknowledged is counted beside them, by a model that knows of no queue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kubejobs.workqueue.leasing import Ending, Outcome, QueueState, RetryDelays, Settled
from kubejobs.workqueue.types import Signal, WorkerExit
from support.queue_backends import Backend, MemoryBackend, ServerBackend
from support.queue_fixtures import expire_leases
from support.valkey import ValkeyServer

WORKERS = ("pod-1", "pod-2", "pod-3")
MAX_ATTEMPTS = 3
LEASE_SECONDS = 1000.0
STOP_AFTER_ITEMS = 20
"""A stop ends everything interesting, so it comes late."""
ERROR = '{"type":"E","message":"m"}'
ITEMS = st.lists(st.sampled_from("aabcd"), min_size=1, max_size=6)
PRIORITIES = st.sampled_from((0, 0, 1, 9))
NAMES = st.sampled_from(WORKERS)
ENDINGS = st.lists(st.sampled_from(Ending), max_size=4)
ENDS = {
    True: WorkerExit("OOMKilled", "too much memory", 137),
    False: WorkerExit("NodeLost", "its node is gone", blames_items=False),
}


class LedgerMachine(RuleBasedStateMachine):
    """Workers that end their items in every way and at every moment, producers, the control loop, and time."""

    server: ValkeyServer
    with_memory = True

    def __init__(self) -> None:
        super().__init__()
        self.raw = self.server.client()
        self.on_server = ServerBackend(self.server.address("ledger:"), self.raw)
        self.on_server.queue.delete_run()
        self.backends: list[Backend] = [self.on_server]
        self.in_memory = MemoryBackend(max_attempts=MAX_ATTEMPTS)
        if self.with_memory:
            self.backends.append(self.in_memory)
        self.total = self.done = self.sessions = 0
        self.workers: dict[str, list[Any]] = {}
        self.held: dict[str, int] = dict.fromkeys(WORKERS, 0)

    def each(self, action: Callable[[Backend], Any]) -> Any:
        """What `action` says, of every queue the same."""
        self._align()
        answers = [action(backend) for backend in self.backends]
        assert all(answer == answers[0] for answer in answers), answers
        return answers[0]

    def _align(self) -> None:
        """Give the server's leases, delays and drained workers the times that they have on the virtual clock."""
        if not self.with_memory:
            return
        ledger, clock = self.in_memory.queue.ledger, self.in_memory.queue.clock
        base = self.on_server.queue.keys.queued
        clock.advance(0.01)
        with self.raw.pipeline(transaction=False) as pipeline:
            pipeline.time()
            pipeline.zrange(f"{base}:leases", 0, -1)
            pipeline.zrange(f"{base}:delayed", 0, -1)
            pipeline.hkeys(f"{base}:drained")
            (seconds, microseconds), leases, delayed, drained = pipeline.execute()
        offset = seconds + microseconds / 1e6 - clock.now()
        ends = {lease.name: (lease.expires_at + offset) * 1000 for lease in ledger.leases.values()}
        dues = {f"{number}@{level}:{item}": (due + offset) * 1000 for due, number, level, item in ledger.delayed}
        since = {worker: int((since + offset) * 1000) for worker, since in ledger.drained.items()}
        assert (set(leases), set(delayed), set(drained)) == (set(ends), set(dues), set(since))
        with self.raw.pipeline(transaction=False) as pipeline:
            if ends:
                pipeline.zadd(f"{base}:leases", ends, xx=True)
            if dues:
                pipeline.zadd(f"{base}:delayed", dues, xx=True)
            if since:
                pipeline.hset(f"{base}:drained", mapping=since)
            pipeline.execute()

    def _turn(self, name: str, **options: Any) -> Any:
        clients = self.workers[name]
        turn = self.each(lambda backend: clients[self.backends.index(backend)].turn(**options))
        assert (turn.state is QueueState.LEASED) == bool(turn.items) == bool(turn.lease)
        return turn

    def _start(self, name: str) -> None:
        self.sessions += 1
        options = {"lease_seconds": LEASE_SECONDS, "max_attempts": MAX_ATTEMPTS, "delays": RetryDelays(100, 100)}
        self.workers[name] = [backend.worker(name, **options) for backend in self.backends]
        for client in self.workers[name]:
            client.session = f"{name}/{self.sessions}"
        self.held[name] = 0

    @initialize(items=ITEMS, urgent=ITEMS)
    def fill(self, items: list[str], urgent: list[str]) -> None:
        """Deploy."""
        workload = [*items, *((2, item) for item in urgent)]
        self.total = self.each(lambda backend: backend.queue.fill(workload, close=False))
        for name in WORKERS:
            self._start(name)

    @rule(items=ITEMS, priority=PRIORITIES)
    def append(self, items: list[str], priority: int) -> None:
        """Late arrivals."""
        self.total += len(items)
        assert self.each(lambda backend: backend.queue.append(items, priority=priority)) == self.total

    @rule(
        name=NAMES,
        take=st.sampled_from((0, 1, 3, 4)),
        endings=ENDINGS,
        others=st.sampled_from((Ending.DONE, Ending.DONE, Ending.RETURN)),
        share=st.booleans(),
    )
    def turn(self, name: str, take: int, endings: list[Ending], others: Ending, *, share: bool) -> None:
        """A worker ends its items in some way and takes others."""
        held = self.held[name]
        outcomes = [
            Outcome(place, ending, '["x",1]' if ending is Ending.RESULT else ERROR)
            for place, ending in enumerate(endings[:held], 1)
            if ending is not Ending.DONE or others is not Ending.DONE
        ]
        turn = self._turn(name, outcomes=outcomes, take=take, others=others, share=share, durations={held: 1})
        if turn.settled is Settled.SETTLED:
            good = sum(ending in {Ending.DONE, Ending.RESULT} for ending in endings[:held])
            rest = held - len(endings[:held]) if others is Ending.DONE else 0
            self.done += good + rest
        self.held[name] = len(turn.items)

    @rule(name=NAMES, take=st.sampled_from((0, 2)))
    def lose_reply(self, name: str, take: int) -> None:
        """A turn's reply is lost; it is sent again and brings the same."""
        clients = self.workers[name]
        lost = self.each(lambda backend: backend.lose_reply(clients[self.backends.index(backend)], take=take))
        again = self._turn(name, take=take)
        assert again == lost
        if again.settled is Settled.SETTLED:
            self.done += self.held[name]
        self.held[name] = len(again.items)

    @rule(name=NAMES)
    def renew(self, name: str) -> None:
        """A heartbeat."""
        self.each(lambda backend: self.workers[name][self.backends.index(backend)].renew())

    @rule(name=NAMES, keep=st.sampled_from((1, 2)))
    def unstart(self, name: str, keep: int) -> None:
        """A heartbeat gives back what waits behind a long item."""
        lease = self.workers[name][0].lease
        self.held[name] -= self.each(lambda backend: backend.unstart(lease, keep))

    @rule(name=NAMES)
    def restart_worker(self, name: str) -> None:
        """A worker dies unseen; its lease is left to expire."""
        self._start(name)

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        """A worker ends in good order."""
        self.turn(name, 0, [], Ending.RETURN, share=False)
        self.each(lambda backend: self.workers[name][self.backends.index(backend)].leave())
        self._start(name)

    @rule(names=st.sets(NAMES, min_size=1), blamed=st.booleans())
    def crash(self, names: set[str], *, blamed: bool) -> None:
        """Workers die, and control sees how."""
        exits = dict.fromkeys(sorted(names), ENDS[blamed])
        self.control(lambda queue: queue.record_exits(exits))
        for name in names:
            self._start(name)

    @rule(name=NAMES)
    def forget_end(self, name: str) -> None:
        """Names of pods are not used again, but here they are: what is known of an end would spoil what follows."""
        self.raw.hdel(self.on_server.queue.keys.exits, name)
        self.in_memory.queue.ledger.exits.pop(name, None)

    @rule(wanted=st.sampled_from((0, 0, 1, 2)), live=st.sets(NAMES))
    def drain(self, wanted: int, live: set[str]) -> None:
        """Control asks workers to go, or takes that back."""
        self.control(lambda queue: _drain(queue, wanted, live))

    @rule()
    def time_passes(self) -> None:
        """Leases, delays and graces end."""
        self.in_memory.queue.clock.advance(2 * LEASE_SECONDS)
        if not self.with_memory:
            expire_leases(self.raw, self.on_server.queue.keys)

    @rule()
    def recover(self) -> None:
        """The control loop looks for what has expired."""
        self.control(lambda queue: queue.recover_expired())

    @rule(name=NAMES)
    def retry_all(self, name: str) -> None:
        """A worker's items all fail for now."""
        self.turn(name, 4, [], Ending.DONE, share=False)
        self.turn(name, 0, [Ending.RETRY] * 4, Ending.DONE, share=False)

    @precondition(lambda self: self.total > STOP_AFTER_ITEMS)
    @rule()
    def stop(self) -> None:
        """The run is asked to stop."""
        self.each(lambda backend: backend.queue.signal_run(Signal.STOP))
        self.control(lambda queue: queue.hold_queued())

    @rule()
    def forget_scripts(self) -> None:
        """The server forgets its scripts."""
        self.raw.script_flush()

    def control(self, action: Callable[[Any], Any]) -> Any:
        """One call of the control loop."""
        return self.each(lambda backend: backend.control(action, max_attempts=MAX_ATTEMPTS))

    @invariant()
    def every_item_is_in_one_place(self) -> None:
        """The sums are the total, done is what was truly acknowledged, and all queues tell the same."""
        if not self.total:
            return
        told = self.each(lambda backend: _told(backend.queue))
        counts = told["counts"]
        assert counts.total == self.total
        assert counts.done == self.done
        assert min(counts.queued, counts.leased, counts.delayed, counts.held) >= 0
        assert counts.failed + counts.dead == len(told["failures"])
        assert len(told["leased"]) <= counts.leased
        for backend in self.backends:
            assert backend.queue.verify(open_contract=not self.with_memory) == ()

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.on_server.close()
        self.raw.close()


async def _drain(queue: Any, wanted: int, live: set[str]) -> tuple[int, set[str]]:
    status = await queue.request_drain(wanted, sorted(live))
    return status.asked, set(status.drained)


def _told(queue: Any) -> dict[str, Any]:
    snapshot = queue.snapshot()
    return {
        "counts": snapshot.counts,
        "snapshot": (
            snapshot.signal,
            snapshot.deliveries,
            snapshot.sessions,
            snapshot.closed,
            dict(snapshot.durations.counts),
            snapshot.first_leased_at is None,
            snapshot.last_acknowledged_at is None,
        ),
        "failures": [record | {"time": 0} for record in queue.iter_failures()],
        "results": list(queue.iter_results()),
        "leased": [record | {"expires_in_seconds": 0} for record in queue.iter_leased()],
        "retrying": {record["item"]: record for record in queue.iter_retrying()},
        "exits": {record["worker"]: record | {"time": 0} for record in queue.iter_exits()},
    }
