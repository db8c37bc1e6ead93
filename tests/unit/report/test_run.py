"""The report of a run in a real queue."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import redis

from kubejobs.durations import bucket_of
from kubejobs.errors import QueueLostError
from kubejobs.report.read import read_json_lines
from kubejobs.report.run import ReportedRun, report_run
from kubejobs.workqueue.aio import AsyncWorkQueue
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome
from kubejobs.workqueue.types import QueueAddress, WorkerExit
from support.control_fakes import plan_of

ERROR = json.dumps({"type": "ValueError", "message": "no number", "traceback": "…"})
KILLED = WorkerExit("OOMKilled", "out of memory", 137)


def worked_off(queue: WorkQueue, address: QueueAddress) -> None:
    """A run of five: a result, a failure, one that kills its worker, and two that are done."""
    queue.fill(["result", "fails", "kills", "a", "a"])
    queue.write_plan(plan_of(5).to_json())
    one_second = {bucket_of(1.0): 1}
    worker, victim = LeaseClient(address, "pod-1"), LeaseClient(address, "pod-2", max_attempts=1)
    worker.turn()
    worker.turn([Outcome(1, Ending.RESULT, '["result",{"size":1}]')], durations=one_second)
    victim.turn()

    async def lose() -> None:
        async with AsyncWorkQueue(address, max_attempts=1) as control:
            await control.record_exits({"pod-2": KILLED})

    asyncio.run(lose())
    worker.turn([Outcome(1, Ending.FAIL, ERROR)], durations=one_second)
    worker.turn(durations=one_second)
    worker.turn(durations=one_second)
    worker.close()
    victim.close()


def reported(queue: WorkQueue, url: str | None = None) -> ReportedRun:
    """The report, as the operator makes it."""
    return report_run(queue, url, lambda _: None)


def test_the_queue_tells_what_became_of_items_and_workers(queue: WorkQueue, address: QueueAddress) -> None:
    """Sums that were verified, lost workers and what they held, durations, errors, and a small list of failures."""
    worked_off(queue, address)
    found = reported(queue)
    report = found.report
    assert (report.items.done, report.items.failed, report.items.dead, report.items.open) == (3, 1, 1, 0)
    assert (report.ledger.verified, report.ledger.discrepancies) == (True, ())
    assert (report.workers.reasons, report.workers.items_given_back) == ({"OOMKilled": 1}, 1)
    assert report.durations.count == 4
    assert report.durations.p50_seconds == pytest.approx(1.0, rel=0.05)
    assert {(error.type, error.message) for error in report.frequent_errors} == {
        ("OOMKilled", "out of memory"),
        ("ValueError", "no number"),
    }
    assert found.files == []
    assert found.failures is not None
    assert [(record["item"], record["kind"]) for record in found.failures["records"]] == [
        ("kills", "dead"),
        ("fails", "failed"),
    ]
    assert json.loads(json.dumps([report.small_summary(), found.failures]))


def test_everything_is_in_the_folder(queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """Results and failures as JSON lines, failed items as workloads."""
    worked_off(queue, address)
    found = reported(queue, str(tmp_path))
    folder = tmp_path / found.report.run
    assert {str(folder / name.name) for name in folder.iterdir()} == set(found.files)
    assert list(read_json_lines(str(folder / "results.jsonl"))) == [{"item": "result", "result": {"size": 1}}]
    assert [record["error"]["type"] for record in read_json_lines(str(folder / "failures.jsonl"))] == [
        "OOMKilled",
        "ValueError",
    ]
    assert (folder / "redrive-dead.txt").read_text() == "kills\n"
    assert (folder / "redrive-failed.txt").read_text() == "fails\n"
    assert (folder / "redrive-all.txt").read_text() == "kills\nfails\n"


def test_a_ledger_that_does_not_add_up_is_told(
    queue: WorkQueue, address: QueueAddress, raw: redis.Redis, keys: QueueKeys
) -> None:
    """An item that somebody took out of the queue's keys is missed."""
    worked_off(queue, address)
    raw.rpop(keys.failures)
    ledger = reported(queue).report.ledger
    assert ledger.verified is False
    assert "there are 1 records" in ledger.discrepancies[0]


def test_plain_commands_alone_leave_nothing_to_miss(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """Workers of the open contract count nothing, which is no discrepancy; their failed items are told."""
    queue.fill(["a", "b"])
    queue.write_plan(plan_of(2).to_json())
    for _ in range(2):
        item = raw.rpoplpush(keys.queued, keys.processing)
        if item == "b":
            raw.lpush(keys.errors, item)
        raw.lrem(keys.processing, 1, item)
    found = reported(queue)
    assert found.report.ledger.verified
    assert (found.report.items.done, found.report.items.failed) == (1, 1)
    assert [(error.type, error.count) for error in found.report.frequent_errors] == [("FailedByWorker", 1)]
    assert found.report.durations.count == 0


def test_a_queue_without_a_plan_has_nothing_to_report(queue: WorkQueue) -> None:
    """It was deleted, or never deployed."""
    with pytest.raises(QueueLostError, match="no plan"):
        reported(queue)
