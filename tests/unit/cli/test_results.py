"""`kubejobs results` and `kubejobs failures`: from the report's folder, else from Airflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubejobs.cli.main import main
from support.airflow_api_fake import FakeApi
from support.failures import failure

RESULTS = b'{"item": "a", "result": "\xc3\xa4"}\n' * 3
FAILURES = json.dumps(failure("b")).encode() + b"\n"
LISTED = {"complete": True, "count": 1, "records": [{"item": "b", "kind": "dead"}]}


def airflow(*files: str, failed: int = 0, listed: Any = None) -> FakeApi:
    """Airflow after a run whose report was written into these files."""
    report = {"run": "kj-1", "files": list(files), "items": {"failed": 0, "dead": failed}}
    return FakeApi(["failed"], {("report", "report"): [report], ("report", "failures"): [listed]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The run's folder, with everything."""
    folder = tmp_path / "kj-1"
    folder.mkdir()
    (folder / "results.jsonl").write_bytes(RESULTS)
    (folder / "failures.jsonl").write_bytes(FAILURES)
    return folder


def in_folder(folder: Path, *names: str) -> list[str]:
    """URLs of the files, with those that every report has."""
    return [f"file://{folder}/{name}" for name in ("report.json", "report.txt", *names)]


@pytest.mark.parametrize(("command", "content"), [("results", RESULTS), ("failures", FAILURES)])
def test_everything_is_downloaded_as_it_is(
    use: Any, folder: Path, command: str, content: bytes, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """To standard output or into a file, byte by byte."""
    use(airflow(*in_folder(folder, "failures.jsonl", "results.jsonl"), failed=1))
    assert main([command, "mine"]) == 0
    assert capfdbinary.readouterr().out == content
    target = folder / "copy"
    assert main([command, "mine", "--output", str(target)]) == 0
    assert target.read_bytes() == content


@pytest.mark.parametrize(("command", "said"), [("results", "has no results"), ("failures", "has no failures")])
def test_nothing_is_an_empty_download(
    use: Any, folder: Path, command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Successful, and said beside it."""
    use(airflow(*in_folder(folder)))
    assert main([command, "mine", "--output", str(folder / "copy")]) == 0
    assert (folder / "copy").read_bytes() == b""
    assert said in capsys.readouterr().err


def test_the_folder_may_be_elsewhere_from_here(
    use: Any, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """--report-url is the folder of all reports, as in the submission."""
    use(airflow("s3://in-cluster/kj-1/report.txt", "s3://in-cluster/kj-1/results.jsonl"))
    assert main(["results", "mine", "--report-url", f"{folder.parent}/"]) == 0
    assert capfdbinary.readouterr().out == RESULTS


@pytest.mark.parametrize("files", [[], ["file:///one.json"]], ids=["no files", "the report alone"])
def test_results_without_a_folder_say_what_to_do(
    use: Any, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """They are kept nowhere else."""
    use(airflow(*files))
    assert main(["results", "mine"]) == 1
    printed = capsys.readouterr()
    assert "set report_url" in printed.err
    assert printed.out == ""


def test_failures_without_a_folder_are_those_that_airflow_has(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON lines; if these are not all, that is said and is the exit code."""
    use(airflow(failed=1, listed=LISTED))
    assert main(["failures", "mine"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == LISTED["records"]
    use(airflow(failed=9, listed=LISTED | {"complete": False, "count": 9}))
    assert main(["failures", "mine"]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert "only the first 1 of 9 failures" in printed.err


def test_a_run_that_goes_on_has_no_results_yet(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says how the run stands and when there will be some."""
    use(FakeApi(["running"]))
    assert main(["results", "mine"]) == 1
    assert "it is running; a report, with results and failures, is written when" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "output", "said"),
    [("gone.txt", None, "--report-url"), ("results.jsonl", "/no/such/folder/x", "give another --output")],
    ids=["source", "target"],
)
def test_files_out_of_reach_are_named(
    use: Any, folder: Path, name: str, output: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do about it."""
    use(airflow(*in_folder(folder, "results.jsonl")))
    if name != "results.jsonl":
        (folder / "results.jsonl").unlink()
    assert main(["results", "mine", *(["--output", output] if output else [])]) == 1
    assert said in capsys.readouterr().err
