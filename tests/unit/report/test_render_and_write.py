"""The report's renderings and its files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubejobs.control.outcome import Outcome, OutcomeKind
from kubejobs.errors import ReportError
from kubejobs.report.build import build_report
from kubejobs.report.model import Report
from kubejobs.report.queue_sums import FailureSums, ledger_of, workers_of
from kubejobs.report.read import read_chunks, read_json_lines
from kubejobs.report.render import render_json, render_text
from kubejobs.report.write import write_report
from kubejobs.submission.model import Workload
from kubejobs.submission.workload import WorkloadPolicy, open_workload
from support.control_fakes import plan_of
from support.failures import failure
from support.virtual import EPOCH


def report(decisions: int = 3, message: str = "all 3 items are done", **sections: Any) -> Report:
    """A report of a run with so many decisions, each one worker up, and what the queue told."""
    journal = [
        {
            "event": "tick",
            "at": EPOCH + number,
            "elapsed": float(number),
            "error": -0.25,
            "replicas": {"desired": number, "ready": number, "pending": 0, "terminating": 0},
            "decision": {"replicas": number + 1, "reason": "BehindDeadline", "message": "é" * 100},
        }
        for number in range(1, decisions + 1)
    ]
    outcome = Outcome(OutcomeKind.DRAINED, success=True, message=message, ended_at=EPOCH + 9, elapsed_seconds=9.0)
    return build_report(plan_of(3), journal, None, ended_at=EPOCH + 9, outcome=outcome, **sections)


def test_the_summary_is_small_however_long_the_run() -> None:
    """It fits into 8 KB with ten thousand decisions, an endless message and a thousand types of long errors."""
    errors = ({"type": f"{n}" * 99, "message": "é" * 9999} for n in range(1000))
    failures = FailureSums().add_all(failure("a", error=error) for error in errors)
    long = report(decisions=10_000, message="x" * 100_000, frequent_errors=failures.frequent_errors())
    assert len(long.frequent_errors) == 10
    summary = long.small_summary()
    assert summary["decisions"] == 10_000
    assert len(json.dumps(summary, ensure_ascii=False).encode()) < 8192


def test_json_has_every_decision() -> None:
    """The JSON is the whole report."""
    whole = report()
    assert json.loads(render_json(whole)) == whole.to_dict()
    assert len(whole.to_dict()["decisions"]) == 3


def test_text_has_the_numbers_that_people_look_for() -> None:
    """Outcome, deadline, errors, cost and every change of the number of workers."""
    text = render_text(report())
    for part in ("drained (success)", "Deadline", "Min error", "-0.2500", "Replica-seconds", "3 → 4", "BehindDeadline"):
        assert part in text


def test_text_has_what_became_of_workers_and_items() -> None:
    """The ledger's check, lost workers by reason, and the most frequent error with an example."""
    exits = [
        {"reason": "OOMKilled", "items": 2},
        {"reason": "PodGone", "items": 1},
        {"reason": "OOMKilled", "items": 0},
    ]
    failures = FailureSums().add_all([failure("a", error={"type": "ValueError", "message": "no number"})])
    text = render_text(
        report(workers=workers_of(exits), ledger=ledger_of(("a sum",)), frequent_errors=failures.frequent_errors())
    )
    assert "3 (OOMKilled 2, PodGone 1); 3 items were taken back from them" in text
    assert "WRONG: a sum" in text
    assert "1 of type ValueError: no number" in text
    assert "verified: all sums agree" in render_text(report(ledger=ledger_of(())))


def test_a_report_without_anything_renders() -> None:
    """A run that never started has a text and a JSON too."""
    empty = build_report(plan_of(3), [], None, ended_at=EPOCH)
    assert "never_started" in render_text(empty)
    assert json.loads(render_json(empty))["outcome"] == "never_started"


def test_writes_a_folder_of_files(tmp_path: Path) -> None:
    """Report, failures and results are files in a folder of the run's own; a second try writes the same."""
    whole = report()
    for _ in range(2):
        written = write_report(
            whole, f"file://{tmp_path}/reports/", failures=[failure("ä")], results=({"item": n} for n in range(3))
        )
    folder = tmp_path / "reports" / whole.run
    assert [Path(url).name for url in written] == [
        "report.json",
        "report.txt",
        "failures.jsonl",
        "redrive-dead.txt",
        "redrive-all.txt",
        "results.jsonl",
    ]
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == whole.to_dict()
    assert json.loads((folder / "failures.jsonl").read_text(encoding="utf-8")) == failure("ä")
    assert len((folder / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_failed_items_are_written_as_workloads(tmp_path: Path) -> None:
    """By kind and all together, in their order, equal ones each; what no line can hold is in the records alone."""
    bad = [" ", "cr\r", "\ufeffmark", "nul\x00", "\udc80"]
    failures = [failure("a"), failure("b", "failed"), failure("a"), *map(failure, bad), failure("in\rside", "failed")]
    whole = report()
    write_report(whole, str(tmp_path), failures=failures)

    def items(kind: str) -> list[str]:
        workload = Workload(url=str(tmp_path / whole.run / f"redrive-{kind}.txt"))
        return list(open_workload(workload, WorkloadPolicy(allow_local_files=True)))

    assert items("dead") == ["a", "a"]
    assert items("failed") == ["b", "in\rside"]
    assert items("all") == ["a", "b", "a", "in\rside"]
    assert list(read_json_lines(str(tmp_path / whole.run / "failures.jsonl"))) == failures


def test_writes_no_empty_files(tmp_path: Path) -> None:
    """Without failures and results there are no files for them."""
    written = write_report(report(), str(tmp_path))
    assert [Path(url).name for url in written] == ["report.json", "report.txt"]


def test_a_url_of_a_json_file_is_that_file(tmp_path: Path) -> None:
    """The report alone is written there."""
    assert write_report(report(), f"{tmp_path}/mine.json", failures=[failure("a")]) == [f"{tmp_path}/mine.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


@pytest.mark.parametrize(
    "url", ["nosuchscheme://user:secret@bucket/x", "file:///dev/null/x"], ids=["unknown-scheme", "not-a-folder"]
)
def test_what_cannot_be_written_is_a_clear_error_without_credentials(url: str) -> None:
    """The message has the place and what to check, and no password."""
    with pytest.raises(ReportError, match="can't be written to") as caught:
        write_report(report(), url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("read", [read_chunks, read_json_lines], ids=["bytes", "records"])
@pytest.mark.parametrize(
    "url", ["nosuchscheme://user:secret@bucket/x", "/no/such/file"], ids=["unknown-scheme", "no-file"]
)
def test_what_cannot_be_read_is_a_clear_error_without_credentials(url: str, read: Any) -> None:
    """The message has the place and what to do, and no password."""
    with pytest.raises(ReportError, match=r"can't be read .*--report-url") as caught:
        list(read(url))
    assert "secret" not in str(caught.value)


def test_a_file_of_something_else_is_no_record(tmp_path: Path) -> None:
    """A page where JSON lines were expected is an error of the same kind."""
    (tmp_path / "x").write_text("<html>")
    with pytest.raises(ReportError, match="can't be read"):
        list(read_json_lines(str(tmp_path / "x")))


def test_what_the_queue_gives_wrong_is_not_blamed_on_the_folder(tmp_path: Path) -> None:
    """Only what goes wrong in writing is a matter of report_url."""

    def broken() -> Iterator[dict[str, Any]]:
        raise ValueError("no JSON")
        yield {}

    with pytest.raises(ValueError, match="no JSON"):
        write_report(report(), str(tmp_path), results=broken())
