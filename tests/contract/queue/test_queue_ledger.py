"""The ledger under every interleaving: a server's queue and the one in memory in step, and beside them a model."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from support.ledger_machine import LedgerMachine
from support.valkey import ValkeyServer, running_valkey

EXAMPLES = "KUBEJOBS_TEST_EXAMPLES"
"""How many times as many random runs are tried; with more than 1 they are other ones each time."""


class OpenContract(LedgerMachine):
    """Workers of the open contract beside those of the client library; on a server only."""

    with_memory = False

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    @rule()
    def foreign_take(self) -> None:
        """A worker of the open contract takes an item."""
        keys = self.on_server.queue.keys
        if item := self.raw.rpoplpush(keys.queued, keys.processing):
            self.foreign.append(item)

    @rule(fails=st.booleans())
    def foreign_end(self, *, fails: bool) -> None:
        """It ends one, well or badly, unless the item was taken from it meanwhile."""
        keys = self.on_server.queue.keys
        if self.foreign and self.raw.lrem(keys.processing, 1, self.foreign.pop()):
            if fails:
                self.raw.rpush(keys.errors, "an item")
            else:
                self.done += 1

    @rule(live_workers=st.sampled_from((None, 0, 1, 5)))
    def foreign_recover(self, live_workers: int | None) -> None:
        """Control looks for items whose foreign worker is gone."""
        self.control(lambda queue: queue.recover_expired(live_workers=live_workers))


class Restarts(LedgerMachine):
    """The queue's server is killed and started again, as often as anything else happens."""

    @precondition(lambda self: self.total > 0)
    @rule()
    def restart_server(self) -> None:
        """Kill -9: with `appendfsync always` nothing of what was answered is lost."""
        self.server.restart()


def check(machine: type[LedgerMachine], server: ValkeyServer, examples: int) -> None:
    """Try that many random runs."""
    machine.server = server
    more = int(os.environ.get(EXAMPLES, "1"))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * more,
            stateful_step_count=30,
            deadline=None,
            derandomize=more == 1,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(3600)
def test_both_queues_do_the_same_under_every_interleaving(valkey: ValkeyServer) -> None:
    """Whatever happens in whatever order, no item is lost, none is counted twice, and memory and server agree."""
    check(LedgerMachine, valkey, 30)


@pytest.mark.timeout(3600)
def test_the_ledger_holds_with_foreign_workers(valkey: ValkeyServer) -> None:
    """Workers of both kinds, in any order, leave sums that are the total."""
    check(OpenContract, valkey, 15)


@pytest.mark.timeout(3600)
def test_the_ledger_holds_over_restarts_of_the_server() -> None:
    """Nothing that was answered is lost when the server is killed again and again."""
    with running_valkey("--appendonly", "yes", "--appendfsync", "always") as server:
        check(Restarts, server, 3)
