"""The report's renderings and its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubejobs.control.outcome import Outcome, OutcomeKind
from kubejobs.errors import ReportError
from kubejobs.report.build import build_report
from kubejobs.report.model import Report
from kubejobs.report.render import render_json, render_json_lines, render_text
from kubejobs.report.write import write_report
from support.control_fakes import plan_of
from support.virtual import EPOCH


def report(decisions: int = 3, message: str = "all 3 items are done") -> Report:
    """A report of a run with so many decisions, each one worker up."""
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
    return build_report(plan_of(3), journal, None, ended_at=EPOCH + 9, outcome=outcome)


def test_the_summary_is_small_however_long_the_run() -> None:
    """It fits into 4 KB with ten thousand decisions and an endless message."""
    summary = report(decisions=10_000, message="x" * 100_000).small_summary()
    assert summary["decisions"] == 10_000
    assert len(json.dumps(summary)) < 4096


def test_json_has_every_decision() -> None:
    """The JSON is the whole report, and the JSON lines are the summary and a line a decision."""
    whole = report()
    assert json.loads(render_json(whole)) == whole.to_dict()
    first, *decisions = map(json.loads, render_json_lines(whole))
    assert first == whole.small_summary()
    assert decisions == list(whole.decisions)


def test_text_has_the_numbers_that_people_look_for() -> None:
    """Outcome, deadline, errors, cost and every change of the number of workers."""
    text = render_text(report())
    for part in ("drained (success)", "Deadline", "Min error", "-0.2500", "Replica-seconds", "3 → 4", "BehindDeadline"):
        assert part in text


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
            whole, f"file://{tmp_path}/reports/", failures=[{"item": "ä"}], results=({"item": n} for n in range(3))
        )
    folder = tmp_path / "reports" / whole.run
    assert [Path(url).name for url in written] == ["report.json", "report.txt", "failures.jsonl", "results.jsonl"]
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == whole.to_dict()
    assert (folder / "failures.jsonl").read_text(encoding="utf-8") == '{"item": "ä"}\n'
    assert len((folder / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_writes_no_empty_files(tmp_path: Path) -> None:
    """Without failures and results there are no files for them."""
    written = write_report(report(), str(tmp_path))
    assert [Path(url).name for url in written] == ["report.json", "report.txt"]


def test_a_url_of_a_json_file_is_that_file(tmp_path: Path) -> None:
    """The report alone is written there."""
    assert write_report(report(), f"{tmp_path}/mine.json", failures=[{"item": "a"}]) == [f"{tmp_path}/mine.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


@pytest.mark.parametrize(
    "url", ["nosuchscheme://user:secret@bucket/x", "file:///dev/null/x"], ids=["unknown-scheme", "not-a-folder"]
)
def test_what_cannot_be_written_is_a_clear_error_without_credentials(url: str) -> None:
    """The message has the place and what to check, and no password."""
    with pytest.raises(ReportError, match="can't be written to") as caught:
        write_report(report(), url)
    assert "secret" not in str(caught.value)
