"""The command line, from arguments to output and exit code."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from kubejobs.cli import connection
from kubejobs.cli.follow import follow
from kubejobs.cli.live_line import LiveLine
from kubejobs.cli.main import main
from kubejobs.cli.progress import Progress
from kubejobs.cli.report_text import report_lines
from support.airflow_api_fake import FakeApi

GOOD = {"image": "busybox:1", "workload": {"items": ["a"]}, "expected_time": 10}


@pytest.fixture
def submission_file(tmp_path: Path) -> Path:
    """A valid submission."""
    path = tmp_path / "job.json"
    path.write_text(json.dumps(GOOD))
    return path


def progress(done: int, replicas: int, **changes: Any) -> dict[str, Any]:
    """The XCom `progress`."""
    values = {"done": done, "failed": 0, "dead": 0, "total": 10, "rate": 2.0, "replicas": replicas, "state": "running"}
    return values | {"eta_seconds": 4.0, "expected_seconds": 20.0, "elapsed_seconds": 6.0} | changes


def test_submit_checks_then_triggers(use: Any, submission_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The conf goes to Airflow as it was written, and the run's id is printed alone."""
    api = use(FakeApi(["queued"]))
    assert main(["submit", str(submission_file), "--run-id", "mine"]) == 0
    assert api.triggered == [(GOOD, "mine")]
    assert capsys.readouterr().out == "mine\n"


def test_a_bad_submission_is_not_triggered(
    use: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every problem is printed by field, the exit code is 1, and Airflow hears nothing."""
    api = use(FakeApi(["queued"]))
    monkeypatch.setattr("sys.stdin", io.StringIO('{"image": "x", "expected_time": -1}'))
    assert main(["submit", "-"]) == 1
    printed = capsys.readouterr()
    assert "expected_time" in printed.err
    assert "workload" in printed.err
    assert api.triggered == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("a.json", "{", "can't be read as a submission", id="no JSON"),
        pytest.param("a.json", "[1]", "holds list", id="no object"),
        pytest.param("a.yaml", "a: [", "can't be read as a submission", id="no YAML"),
        pytest.param("a.json", None, "can't read the submission file", id="no file"),
    ],
)
def test_an_unreadable_file_is_named(
    tmp_path: Path, name: str, text: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has the file and what is wrong with it."""
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    assert main(["validate", str(path)]) == 1
    printed = capsys.readouterr().err
    assert message in printed
    assert name in printed


def test_validate_reads_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """YAML is read by the file's name."""
    path = tmp_path / "job.yaml"
    path.write_text("image: busybox:1\nexpected_time: 10\nworkload: {items: [a]}\n")
    assert main(["validate", str(path)]) == 0
    assert capsys.readouterr().out.startswith("valid: busybox:1, 10 s")


@pytest.mark.parametrize(("state", "code"), [("success", 0), ("failed", 1)])
def test_watch_returns_what_became_of_the_run(
    use: Any, state: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The live line goes to standard error, the end to standard output and the exit code."""
    use(FakeApi(["queued", "running", state], {("control", "progress"): [None, progress(3, 2)]}))
    assert main(["watch", "mine"]) == code
    printed = capsys.readouterr()
    assert printed.out == f"mine: {state}\n"
    assert "run queued: deploy" in printed.err


@pytest.mark.parametrize("arguments", [["report", "mine"], ["report", "mine", "--json"]], ids=["text", "JSON"])
def test_report_shows_the_report(use: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As lines for people or as JSON for programs."""
    content = {"outcome": "drained", "items": {"done": 3}}
    use(FakeApi(["success"], {("report", "report"): [content]}))
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    if "--json" in arguments:
        assert json.loads(printed) == content
    else:
        assert printed == "outcome  drained\nitems:\n  done  3\n"


def test_a_missing_report_says_how_the_run_stands(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that goes on has no report yet."""
    use(FakeApi(["running"]))
    assert main(["report", "mine"]) == 1
    assert "it is running" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        pytest.param({}, "KUBEJOBS_AIRFLOW_URL", id="no address"),
        pytest.param({"KUBEJOBS_AIRFLOW_URL": "localhost:8080"}, "http://127.0.0.1:8080", id="no scheme"),
        pytest.param({"KUBEJOBS_AIRFLOW_URL": "http://x"}, "KUBEJOBS_AIRFLOW_TOKEN", id="no user"),
    ],
)
def test_what_is_missing_to_connect_is_named(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has the variable to set."""
    monkeypatch.setattr(connection.os, "environ", environment)
    assert main(["watch", "mine"]) == 1
    assert message in capsys.readouterr().err


def test_a_wrong_command_line_is_2() -> None:
    """As for any command."""
    with pytest.raises(SystemExit) as caught:
        main(["sumbit"])
    assert caught.value.code == 2


def test_following_notes_each_change_of_replicas() -> None:
    """The course of the replicas, without repetitions, and the last progress."""
    looks = [None, progress(1, 2), progress(2, 2), progress(5, 4), progress(10, 1)]
    api: Any = FakeApi(["queued", "running", "running", "running", "success"], {("control", "progress"): looks})
    lines: list[str] = []
    seen = follow(api, "mine", lines.append, sleep=lambda _seconds: None)
    assert seen.succeeded
    assert seen.replicas == [2, 4, 1]
    assert seen.progress is not None
    assert seen.progress.done == 10
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        pytest.param(progress(3, 1), ["3/10 items", "2.0/s", "1 replica ", "finish at 10 s, 10 s early"], id="early"),
        pytest.param(progress(3, 4, eta_seconds=24.0), ["4 replicas", "finish at 30 s, 10 s LATE"], id="late"),
        pytest.param(progress(0, 1, eta_seconds=None, rate=None), ["0.0/s", "finish not known yet"], id="no rate yet"),
        pytest.param(progress(3, 1, failed=1, dead=1), ["3/10 items (2 failed)"], id="failures"),
        pytest.param(progress(3, 4, draining=2), ["| 4 replicas (2 draining) |"], id="draining"),
        pytest.param(progress(3, 4, draining=None), ["| 4 replicas |"], id="nothing drains"),
    ],
)
def test_the_line_has_the_numbers(value: dict[str, Any], parts: list[str]) -> None:
    """Items, rate, replicas, and the expected finish against the deadline."""
    seen = Progress.from_xcom(value)
    assert seen is not None
    for part in parts:
        assert part in seen.line()


@pytest.mark.parametrize("value", [None, "text", 3])
def test_no_progress_is_none(value: object) -> None:
    """Before the first one there is nothing to show."""
    assert Progress.from_xcom(value) is None


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_a_terminals_line_is_redrawn_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text replaces the one before; none is longer than the terminal is wide."""
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    line = LiveLine(stream)
    line.show("one")
    line.show("x" * 50)
    line.end()
    assert stream.getvalue() == "\r\x1b[2Kone\r\x1b[2K" + "x" * 19 + "\n"


def test_elsewhere_the_line_is_printed_now_and_then() -> None:
    """In a log: at most every few seconds, only when it changed, and always at the end."""
    now = [0.0]
    stream = io.StringIO()
    line = LiveLine(stream, every_seconds=5.0, monotonic=lambda: now[0])
    for seconds, text in [(0, "a"), (1, "b"), (6, "b"), (20, "b"), (21, "c")]:
        now[0] = float(seconds)
        line.show(text)
    line.end("d")
    assert stream.getvalue() == "a\nb\nc\nd\n"


def test_report_lines_show_any_fields() -> None:
    """Names are aligned, lists are cut, truths and nothing are words."""
    report_fields = {"a_b": 1.5, "long_name": None, "ok": True, "list": list(range(14)), "sub": {"x": {}}}
    assert report_lines(report_fields) == [
        "a b        1.5",
        "long name  -",
        "ok         yes",
        "list:",
        *[f"  {number}" for number in range(12)],
        "  … 2 more",
        "sub:",
        "  x  -",
    ]
