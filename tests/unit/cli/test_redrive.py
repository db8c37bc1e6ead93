"""`kubejobs redrive`: each item that ended badly runs again once, in a new run of the same submission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubejobs.cli.main import main
from kubejobs.report.build import build_report
from kubejobs.report.queue_sums import FailureSums
from kubejobs.report.write import write_report
from kubejobs.submission.parse import parse_submission
from kubejobs.submission.patterns import MAX_INLINE_ITEMS
from kubejobs.submission.workload import WorkloadPolicy, open_workload
from kubejobs.workqueue.types import Counts, QueueSnapshot
from support.airflow_api_fake import FakeApi
from support.control_fakes import plan_of
from support.failures import failure
from support.virtual import EPOCH

CONF = {"image": "busybox:1", "workload": "https://example.com/items.txt", "expected_time": 10, "max_attempts": 2}
SOME = [failure("b"), failure("a", "failed"), failure("b"), failure("ä")]
MANY = [failure(f"item {number % 7000}") for number in range(MAX_INLINE_ITEMS + 1)]
LARGE = [failure(f"{number}:" + "x" * 5000) for number in range(300)]


def airflow(failures: list[dict[str, Any]], url: str | None = None, conf: dict[str, Any] | None = None) -> FakeApi:
    """Airflow after a run in which these items ended badly, with its report under `url`."""
    dead = sum(record["kind"] == "dead" for record in failures)
    counts = Counts(done=1, dead=dead, failed=len(failures) - dead)
    report = build_report(plan_of(1), [], QueueSnapshot(time=EPOCH, counts=counts), ended_at=EPOCH)
    files = write_report(report, url, failures=failures) if url else []
    small = FailureSums().add_all(failures).small_list()
    xcoms = {("report", "report"): [report.small_summary() | {"files": files}], ("report", "failures"): [small]}
    return FakeApi(["failed"], xcoms, CONF if conf is None else conf)


def items_of(conf: dict[str, Any]) -> list[str]:
    """What a deployment that reads local files makes of the workload."""
    return list(open_workload(parse_submission(conf).workload, WorkloadPolicy(allow_local_files=True)))


@pytest.mark.parametrize(
    ("arguments", "kind", "expected"),
    [
        pytest.param([], "dead", ["b", "b", "ä"], id="dead by default"),
        pytest.param(["--kind", "failed"], "failed", ["a"], id="failed"),
        pytest.param(["--kind", "all"], "all", ["b", "a", "b", "ä"], id="all"),
    ],
)
def test_items_run_again_each_once_in_their_order(
    use: Any, arguments: list[str], kind: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without any report folder; the new run's id is printed alone, how many beside it and in the run's note."""
    api = use(airflow(SOME))
    assert main(["redrive", "mine", *arguments]) == 0
    ((conf, run_id),) = api.triggered
    assert run_id == f"mine.redrive-{kind}"
    assert items_of(conf) == expected
    assert parse_submission(conf).queue.max_attempts == 2
    printed = capsys.readouterr()
    assert printed.out == f"{run_id}\n"
    assert f"{len(expected)} " in printed.err
    assert api.notes[0] is not None
    assert api.notes[0].startswith(f"{len(expected)} ")
    assert api.notes[0].endswith("items of the run mine")


@pytest.mark.parametrize("failures", [MANY, LARGE], ids=["too many", "too large"])
def test_more_than_a_submission_holds_is_read_from_the_report(
    use: Any, tmp_path: Path, failures: list[dict[str, Any]]
) -> None:
    """The workload is the report's file of these items: all of them, equal ones each."""
    api = use(airflow(failures, str(tmp_path)))
    assert main(["redrive", "mine", "--run-id", "again"]) == 0
    ((conf, run_id),) = api.triggered
    assert run_id == "again"
    assert conf["workload"]["url"].endswith("/redrive-dead.txt")
    assert items_of(conf) == [record["item"] for record in failures]


def test_the_most_that_a_submission_holds_is_inline(use: Any, tmp_path: Path) -> None:
    """Up to the limit no file is needed by the new run."""
    api = use(airflow(MANY[:MAX_INLINE_ITEMS], str(tmp_path)))
    assert main(["redrive", "mine"]) == 0
    assert api.triggered[0][0]["workload"] == {"items": [record["item"] for record in MANY[:MAX_INLINE_ITEMS]]}


def test_what_no_line_can_hold_is_left_out_and_said(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The others run again."""
    api = use(airflow([failure("a"), failure(" "), failure("b\r")]))
    assert main(["redrive", "mine"]) == 0
    assert items_of(api.triggered[0][0]) == ["a"]
    assert "2 more can't be written as a line" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failures", "arguments", "said"),
    [
        pytest.param([], [], "has no dead items; --kind all", id="nothing failed"),
        pytest.param([failure("a", "failed")], [], "has no dead items; --kind all", id="none of that kind"),
        pytest.param([failure(" ")], [], "none of the 1 items can be written", id="none that fits"),
        pytest.param(MANY, [], "set report_url", id="too many without a folder"),
        pytest.param(SOME, ["--set", "image"], "write it as image=busybox:2", id="no value"),
        pytest.param(SOME, ["--set", "items=[]"], "are the workload", id="other items"),
        pytest.param(SOME, ["--set", "workload.url=/x"], "are the workload", id="another workload"),
        pytest.param(SOME, ["--set", "scaling.max_replicas=0"], "scaling.max_replicas: is 0", id="a bad value"),
        pytest.param(SOME, ["--set", "imgae=x"], "did you mean image?", id="a misspelt field"),
        pytest.param(SOME, ["--dag-id", "kubejobs_nightly", "--set", "queue.max_attempts=5"], "batch", id="a batch"),
    ],
)
def test_what_can_not_be_run_again_is_refused(
    use: Any,
    failures: list[dict[str, Any]],
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is submitted, nothing printed but what to do."""
    api = use(airflow(failures))
    assert main(["redrive", "mine", *arguments]) == 1
    assert api.triggered == []
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [("dead", "dead", True), ("dead", "all", True), ("all", "failed", True), ("dead", "failed", False)],
)
def test_the_same_items_are_not_run_again_twice(
    use: Any, first: str, second: str, refused: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless the new run is given an id."""
    api = use(airflow(SOME))
    assert main(["redrive", "mine", "--kind", first]) == 0
    assert main(["redrive", "mine", "--kind", second]) == int(refused)
    assert ("were run again before" in capsys.readouterr().err) == refused
    assert main(["redrive", "mine", "--kind", second, "--run-id", "once-more"]) == 0
    assert api.triggered[-1][1] == "once-more"


def test_a_report_from_before_these_files_is_explained(
    use: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says how to make the workload by hand."""
    api = airflow(MANY, str(tmp_path))
    files = api.xcoms["report", "report"][0]["files"]
    files[:] = [url for url in files if "redrive" not in url]
    use(api)
    assert main(["redrive", "mine"]) == 1
    assert "has no redrive-dead.txt" in capsys.readouterr().err


def test_the_new_run_can_be_watched(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Its end is the exit code."""
    use(airflow(SOME))
    assert main(["redrive", "mine", "--watch"]) == 1
    assert capsys.readouterr().out == "mine.redrive-dead\nmine.redrive-dead: failed\n"
