"""What the queue tells after the end, as sections of the report."""

from __future__ import annotations

import json

import pytest

from kubejobs.durations import DurationSketch, bucket_of
from kubejobs.report.model import Durations, FrequentError, Ledger, Workers
from kubejobs.report.queue_sums import FailureSums, durations_of, ledger_of, workers_of
from kubejobs.workqueue.types import Counts, QueueSnapshot
from support.failures import ERROR, failure


def test_durations_are_those_of_the_sketch() -> None:
    """Count, mean, quantiles and the longest, each within the sketch's 4.8 %."""
    seconds = {1.0: 89, 10.0: 10, 100.0: 1}
    sketch = DurationSketch({bucket_of(length): count for length, count in seconds.items()})
    found = durations_of(QueueSnapshot(time=0.0, counts=Counts(), durations=sketch))
    assert found.count == 100
    assert found.mean_seconds == pytest.approx(2.89, rel=0.05)
    assert found.p50_seconds == pytest.approx(1.0, rel=0.05)
    assert found.p90_seconds == pytest.approx(10.0, rel=0.05)
    assert found.p99_seconds == pytest.approx(10.0, rel=0.05)
    assert found.max_seconds == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize("snapshot", [None, QueueSnapshot(time=0.0, counts=Counts())], ids=["lost", "open contract"])
def test_durations_that_nobody_told_are_none(snapshot: QueueSnapshot | None) -> None:
    """Not 0: a run whose workers say nothing was not infinitely fast."""
    assert durations_of(snapshot) == Durations()


def test_exits_are_counted_by_reason() -> None:
    """The most frequent reason first, and the items of all of them."""
    exits = [
        {"reason": reason, "items": items} for reason, items in [("PodGone", 1), ("OOMKilled", 4), ("OOMKilled", 0)]
    ]
    found = workers_of(exits)
    assert found == Workers(3, {"OOMKilled": 2, "PodGone": 1}, 5)
    assert list(found.reasons) == ["OOMKilled", "PodGone"]


def test_the_ledger_is_verified_unless_something_disagrees() -> None:
    """And nothing is claimed about a ledger that nobody asked."""
    assert ledger_of(()) == Ledger(verified=True, discrepancies=())
    assert ledger_of(("x",)) == Ledger(verified=False, discrepancies=("x",))
    assert Ledger().verified is None


def test_errors_are_counted_by_type() -> None:
    """The most frequent first, with the first one's message; without an error the reason is the type."""
    records = [
        failure("a", reason="LeaseExpired"),
        failure("b", error=ERROR),
        failure("c", error=ERROR | {"message": "another"}),
        failure("d", error={"type": None, "message": None}, reason="Odd"),
    ]
    assert FailureSums().add_all(records).frequent_errors() == (
        FrequentError("ValueError", 2, "no number"),
        FrequentError("LeaseExpired", 1, ""),
        FrequentError("Odd", 1, ""),
    )


def test_ever_new_types_take_no_more_memory() -> None:
    """After the first thousand they are counted together."""
    sums = FailureSums().add_all(failure("a", error={"type": f"E{n}", "message": ""}) for n in range(1500))
    assert sums.frequent_errors()[0] == FrequentError("other types", 500, "")


def test_a_few_failures_are_listed_whole() -> None:
    """Without tracebacks, worker and time, so that they can be published and run again."""
    listed = FailureSums().add_all([failure("a", error=ERROR), failure("a", "failed")]).small_list()
    assert listed == {
        "complete": True,
        "count": 2,
        "records": [
            {
                "item": "a",
                "kind": "dead",
                "reason": "Raised",
                "attempts": 3,
                "error": {"type": "ValueError", "message": "no number"},
            },
            {"item": "a", "kind": "failed", "reason": "Raised", "attempts": 3, "error": None},
        ],
    }


def test_many_failures_are_listed_from_the_first() -> None:
    """As far as they fit into 64 KiB; a short one after one that did not fit is left out too."""
    records = [failure(f"{n}:" + "é" * 500) for n in range(100)]
    listed = FailureSums().add_all([*records, failure("short")]).small_list()
    assert listed is not None
    assert (listed["complete"], listed["count"]) == (False, 101)
    assert 0 < len(listed["records"]) < 100
    assert [record["item"] for record in listed["records"]] == [r["item"] for r in records[: len(listed["records"])]]
    assert len(json.dumps(listed["records"])) < 66_000


def test_nothing_failed_is_no_list() -> None:
    """There is no XCom then."""
    assert FailureSums().small_list() is None
