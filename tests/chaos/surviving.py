"""What every test checks in the end: the ledger against the items, and against what the workers wrote down."""

from __future__ import annotations

from collections.abc import Iterable

from chaos.executions import Executions
from chaos.fleet import Fleet
from chaos.sampling import LedgerSampler
from chaos.workload import numbers_of
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts


def assert_nothing_is_lost(queue: WorkQueue, items: Iterable[str], executions: Executions) -> None:
    """Every item was run to its end, is counted as done, once, and the ledger's sums agree."""
    numbers = numbers_of(items)
    assert queue.snapshot().counts == Counts(done=len(numbers))
    assert queue.verify() == ()
    assert executions.completed == numbers


def assert_all_ended_well(fleet: Fleet, sampler: LedgerSampler) -> None:
    """The workers that were not killed found nothing more to do, and the ledger added up at every look."""
    assert set(fleet.wait_for_ends()) == {0}, fleet.messages()
    assert sampler.problems == []
