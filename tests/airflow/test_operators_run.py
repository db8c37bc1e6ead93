"""The operators `job`, `control`, `report` and `cleanup`, and the janitor's, with a cluster in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType, TaskDeferred
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from kubejobs.cluster import manifests
from kubejobs.cluster.manifests import EXPIRES_ANNOTATION, owned_by
from kubejobs.errors import ClusterUnavailableError, ObjectConflictError, QueueUnavailableError
from kubejobs.report.build import build_report
from kubejobs.report.model import Report
from kubejobs.report.run import ReportedRun
from kubejobs.workqueue.types import QueueAddress, QueueSnapshot
from operators import connections, kubernetes_worker_job
from operators.cleanup_operator import CleanupOperator
from operators.control_operator import ControlOperator
from operators.control_trigger import ControlTrigger
from operators.failures import GiveUp, TryAgain
from operators.janitor_operator import JanitorOperator
from operators.job_operator import JobOperator
from operators.job_trigger import JobTrigger
from operators.kubernetes_worker_job import KubernetesWorkerJobOperator
from operators.report_operator import ReportOperator
from support.airflow_fakes import RUN, FakeContext, RecordingLog
from support.cluster_fake import FakeClusterClient
from support.control_fakes import FAIL
from support.control_runs import run as controlled

Logged = Callable[[type[Any]], RecordingLog]
NS = "from-connection"
SECRET = "zz-token-of-the-workers"
PASSWORD = "zz-password-of-the-queue"
GOOD = {
    "image": "busybox",
    "workload": {"items": ["a"]},
    "expected_time": 60,
    "env": {"TOKEN": SECRET},
    "limits": {"stall_seconds": 77},
}
REFUSED = {"image": "busybox"}
FAILED = {"complete": True, "count": 1, "records": [{"item": "a"}]}


@pytest.fixture
def deployed(cluster: FakeClusterClient, monkeypatch: pytest.MonkeyPatch) -> FakeClusterClient:
    """The cluster after deploy; the Job's operator reaches it through its own hook."""
    owner = cluster.create_or_adopt(manifests.anchor(RUN, NS)).metadata.uid
    address = QueueAddress("127.0.0.1", 1, password=PASSWORD)
    cluster.create_or_adopt(owned_by(manifests.queue_secret(RUN, NS, address), owner, RUN))
    monkeypatch.setattr(KubernetesWorkerJobOperator, "hook", SimpleNamespace(api_client=None))
    monkeypatch.setattr(kubernetes_worker_job, "ClusterClient", lambda _: cluster)
    return cluster


def deferral(task: Any, context: FakeContext) -> TaskDeferred:
    """The deferral with which the task's execute ends."""
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context)
    return caught.value


def test_the_job_is_made_and_followed(deployed: FakeClusterClient) -> None:
    """One Job, owned by the anchor, with the first number of workers; then the task defers to its trigger."""
    context = FakeContext(GOOD | {"scaling": {"initial_replicas": 2}})
    deferred = deferral(JobOperator(task_id="job"), context)
    assert isinstance(deferred.trigger, JobTrigger)
    assert deferred.method_name == "execute_complete"
    assert deferred.trigger.serialize()[1] == {
        "dag_id": RUN.dag_id,
        "run_id": RUN.run_id,
        "cluster": "kubernetes_default",
        "namespace": NS,
        "patience_seconds": 77,
    }
    job = deployed.find("Job", RUN.job_name, NS)
    assert job.manifest["spec"]["parallelism"] == 2
    assert [owner["name"] for owner in job.metadata.owner_references] == [RUN.anchor_name]


def test_a_second_try_adopts_the_job(deployed: FakeClusterClient) -> None:
    """However often the task is tried, there is one Job."""
    task = JobOperator(task_id="job")
    deferral(task, FakeContext(GOOD))
    first = deployed.find("Job", RUN.job_name, NS).metadata.uid
    deferral(task, FakeContext(GOOD))
    assert deployed.find("Job", RUN.job_name, NS).metadata.uid == first
    assert deployed.kinds().count("Job") == 1


@pytest.mark.parametrize("missing", ["Secret", "ConfigMap"])
def test_a_run_that_was_removed_meanwhile_gets_no_job(
    deployed: FakeClusterClient, logged: Logged, missing: str
) -> None:
    """The log says what happened and what to do."""
    log = logged(JobOperator)
    name = RUN.queue_name if missing == "Secret" else RUN.anchor_name
    del deployed.objects[missing, NS, name]
    with pytest.raises(GiveUp):
        JobOperator(task_id="job").execute(FakeContext(GOOD))
    assert "were deleted before its Job was made; trigger the run again" in log.text
    assert "Job" not in deployed.kinds()


@pytest.mark.parametrize(
    ("error", "failure"),
    [(ClusterUnavailableError("no answer"), TryAgain), (ObjectConflictError("somebody else's"), GiveUp)],
    ids=["out of reach", "somebody else's"],
)
def test_the_job_that_cannot_be_made(
    deployed: FakeClusterClient, logged: Logged, error: Exception, failure: type[GiveUp]
) -> None:
    """Tried again only where that may help."""
    log = logged(JobOperator)
    deployed.refuse = error
    with pytest.raises(GiveUp) as caught:
        JobOperator(task_id="job").execute(FakeContext(GOOD))
    assert type(caught.value) is failure
    assert log.lines[-1] == f"error: {error}"


def test_control_defers_at_once(cluster: FakeClusterClient) -> None:
    """Without a call to the cluster; what it needs is in the trigger's arguments."""
    deferred = deferral(ControlOperator(task_id="control"), FakeContext(GOOD))
    assert isinstance(deferred.trigger, ControlTrigger)
    assert deferred.trigger.serialize()[1] == {
        "dag_id": RUN.dag_id,
        "run_id": RUN.run_id,
        "task_id": "control",
        "cluster": "kubernetes_default",
        "namespace": NS,
        "patience_seconds": 77,
    }
    assert cluster.calls == []


@pytest.mark.parametrize("operator", [JobOperator, ControlOperator])
def test_a_batchs_submission_reaches_the_trigger(deployed: FakeClusterClient, operator: type[Any]) -> None:
    """Under the run's own conf."""
    task = operator(task_id="t", submission=GOOD | {"namespace": "from-batch", "cluster": "kubernetes_default"})
    deployed.create_or_adopt(manifests.anchor(RUN, "from-batch"))
    deployed.create_or_adopt(manifests.queue_secret(RUN, "from-batch", QueueAddress("127.0.0.1")))
    arguments = deferral(task, FakeContext(None)).trigger.serialize()[1]
    assert arguments["namespace"] == "from-batch"


@pytest.mark.parametrize("operator", [JobOperator, ControlOperator])
def test_a_failure_from_the_trigger_fails_the_task_once(logged: Logged, operator: type[Any]) -> None:
    """Whatever retries are left, and with the trigger's message."""
    log, context = logged(operator), FakeContext(GOOD)
    with pytest.raises(GiveUp) as caught:
        operator(task_id="t").execute_complete(context, {"failure": "the Job failed:\nBackoffLimitExceeded"})
    assert not isinstance(caught.value, TryAgain)
    assert log.lines == ["error: the Job failed:", "error: BackoffLimitExceeded"]
    assert context.xcoms == {}


def test_the_outcome_of_a_failed_run_is_an_xcom(logged: Logged) -> None:
    """Pushed before the task fails."""
    logged(ControlOperator)
    context = FakeContext(GOOD)
    with pytest.raises(GiveUp):
        ControlOperator(task_id="control").execute_complete(context, {"failure": "x", "outcome": {"kind": "stalled"}})
    assert context.xcoms == {"outcome": {"kind": "stalled"}}


def test_nothing_secret_is_in_what_airflow_keeps(deployed: FakeClusterClient, logged: Logged) -> None:
    """Neither the workers' variables nor the queue's password are in triggers, XComs, logs or rendered fields."""
    context = FakeContext(GOOD)
    logs = [logged(JobOperator), logged(ControlOperator)]
    tasks = [JobOperator(task_id="job"), ControlOperator(task_id="control")]
    kept = [deferral(task, context).trigger.serialize() for task in tasks]
    rendered = [getattr(task, name) for task in tasks for name in task.template_fields]
    text = repr(
        (kept, context.xcoms, [log.text for log in logs], rendered, KubernetesWorkerJobOperator.template_fields)
    )
    assert not any(secret in text for secret in (SECRET, PASSWORD))
    assert PASSWORD not in repr(deployed.find("Job", RUN.job_name, NS).manifest)


# -- report ---------------------------------------------------------------------


def report_of(items: list[float]) -> Report:
    """The report of a run on virtual time."""
    result = controlled(items)
    counts = result.outcome.counts
    assert counts is not None
    snapshot = QueueSnapshot(time=result.outcome.ended_at, counts=counts)
    return build_report(result.plan, result.queue.journal, snapshot, ended_at=snapshot.time)


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Lets the report be that of a run, and keeps the URLs it was written to."""
    urls: list[str] = []

    def give(result: Report | Exception) -> list[str]:
        def report_run(_: Any, url: str, __: Any) -> ReportedRun:
            urls.append(url)
            if isinstance(result, Exception):
                raise result
            return ReportedRun(result, ["file:///report.json"], FAILED if result.items.failed else None)

        monkeypatch.setattr("kubejobs.report.run.report_run", report_run)
        return urls

    return give


@pytest.mark.parametrize("items", [[1.0] * 3, [1.0, FAIL]], ids=["success", "failed item"])
def test_the_report_is_pushed_and_decides(
    deployed: FakeClusterClient, logged: Logged, reported: Callable[..., list[str]], items: list[float]
) -> None:
    """The XComs come first; then the task fails if the run did."""
    log, context, report = logged(ReportOperator), FakeContext(GOOD | {"report_url": "memory://r"}), report_of(items)
    urls = reported(report)
    if report.success:
        ReportOperator(task_id="report").execute(context)
    else:
        with pytest.raises(GiveUp):
            ReportOperator(task_id="report").execute(context)
        assert f"the run did not succeed: {report.outcome}: {report.message}" in log.text
    assert context.xcoms["report"] == report.small_summary() | {"files": ["file:///report.json"]}
    assert context.xcoms.get("failures") == (None if report.success else FAILED)
    assert not isinstance(context.xcoms["report"].get("decisions"), list)
    assert urls == ["memory://r"]
    assert not any(secret in repr(context.xcoms) + log.text for secret in (SECRET, PASSWORD))


@pytest.mark.parametrize(
    ("conf", "said"),
    [(REFUSED, "the submission was refused"), (GOOD, "the run has no queue, so it never started")],
    ids=["refused", "nothing deployed"],
)
def test_a_run_that_never_started_has_no_report(
    cluster: FakeClusterClient, logged: Logged, conf: dict[str, Any], said: str
) -> None:
    """The log points to the task that knows why."""
    log, context = logged(ReportOperator), FakeContext(conf)
    with pytest.raises(GiveUp):
        ReportOperator(task_id="report").execute(context)
    assert said in log.text
    assert "the log of the task `deploy` says why" in log.text
    assert context.xcoms == {}


def test_a_queue_out_of_reach_is_tried_again(
    deployed: FakeClusterClient, logged: Logged, reported: Callable[..., list[str]]
) -> None:
    """The report is still in it."""
    logged(ReportOperator)
    reported(QueueUnavailableError("no answer"))
    with pytest.raises(TryAgain):
        ReportOperator(task_id="report").execute(FakeContext(GOOD))


# -- cleanup ----------------------------------------------------------------------


def test_cleanup_leaves_nothing(deployed: FakeClusterClient) -> None:
    """Of this run."""
    CleanupOperator(task_id="cleanup").execute(FakeContext(GOOD))
    assert deployed.objects == {}


def test_cleanup_of_a_refused_submission_touches_nothing(
    cluster: FakeClusterClient, asked: list[str], logged: Logged
) -> None:
    """Nothing was made, so no cluster is asked; the task succeeds."""
    log = logged(CleanupOperator)
    CleanupOperator(task_id="cleanup").execute(FakeContext(REFUSED))
    assert asked == cluster.calls == []
    assert "the submission was refused" in log.text


def test_cleanup_works_with_a_broken_configuration_file(
    deployed: FakeClusterClient, config_dir: Path, logged: Logged
) -> None:
    """A file that was broken during the run is warned about and is no reason to leave objects behind."""
    log = logged(CleanupOperator)
    (config_dir / "controller.cfg").write_text("[general]\nport = many\n")
    CleanupOperator(task_id="cleanup").execute(FakeContext(GOOD | {"resources_lifetime": 60}))
    assert deployed.objects == {}
    assert log.lines[0].startswith(f"warning: {config_dir / 'controller.cfg'}")


def test_cleanup_works_after_the_configuration_became_stricter(deployed: FakeClusterClient, config_dir: Path) -> None:
    """A submission that was accepted by deploy and would be refused now has objects all the same."""
    (config_dir / "controller.cfg").write_text("[general]\nactuator_plugins = nop\n")
    CleanupOperator(task_id="cleanup").execute(FakeContext(GOOD | {"scaling": {"actuator": "k8s_replicas"}}))
    assert deployed.objects == {}


def test_a_lifetime_keeps_the_objects(deployed: FakeClusterClient) -> None:
    """They are marked for the janitor."""
    before = len(deployed.objects)
    CleanupOperator(task_id="cleanup").execute(FakeContext(GOOD | {"resources_lifetime": 60}))
    assert len(deployed.objects) == before
    assert EXPIRES_ANNOTATION in deployed.find("ConfigMap", RUN.anchor_name, NS).metadata.annotations


def test_a_lifetime_without_objects_is_a_cleanup(cluster: FakeClusterClient) -> None:
    """A run that broke before its anchor may still have left something by label."""
    CleanupOperator(task_id="cleanup").execute(FakeContext(GOOD | {"resources_lifetime": 60}))
    assert f"list Pod {NS}/{RUN.selector}" in cluster.calls


def test_cleanup_is_tried_again_while_the_cluster_is_out_of_reach(deployed: FakeClusterClient, logged: Logged) -> None:
    """Objects that stay cost money."""
    logged(CleanupOperator)
    deployed.refuse = ClusterUnavailableError("no answer")
    with pytest.raises(TryAgain):
        CleanupOperator(task_id="cleanup").execute(FakeContext(GOOD))


# -- janitor ----------------------------------------------------------------------


def airflow_says(monkeypatch: pytest.MonkeyPatch, answer: str | int) -> None:
    """The state that Airflow gives for the run, or the HTTP status with which it refuses."""

    def state(dag_id: str, run_id: str) -> str:
        assert (dag_id, run_id) == (RUN.dag_id, RUN.run_id)
        if isinstance(answer, int):
            detail = {"status_code": answer, "message": "the database was not found"}
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))
        return answer

    monkeypatch.setattr(RuntimeTaskInstance, "get_dagrun_state", staticmethod(state))


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        pytest.param("success", 0, id="finished"),
        pytest.param("failed", 0, id="failed"),
        pytest.param("running", 2, id="still runs"),
        pytest.param("queued", 2, id="not started"),
        pytest.param(404, 0, id="unknown to Airflow"),
    ],
)
def test_the_janitor_removes_what_airflow_has_lost(
    deployed: FakeClusterClient, monkeypatch: pytest.MonkeyPatch, answer: str | int, left: int
) -> None:
    """A run that still goes on keeps its objects, however old."""
    airflow_says(monkeypatch, answer)
    age(deployed)
    JanitorOperator(task_id="sweep").execute(FakeContext(None))
    assert len(deployed.objects) == left


def age(cluster: FakeClusterClient) -> None:
    """Make every object a day old."""
    for item in cluster.objects.values():
        item.metadata.creation_timestamp = datetime.now(UTC) - timedelta(days=1)


def test_an_airflow_that_does_not_answer_removes_nothing(
    deployed: FakeClusterClient, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """Not to know is no reason to delete; the task fails and comes again."""
    log = logged(JanitorOperator)
    airflow_says(monkeypatch, 500)
    age(deployed)
    with pytest.raises(TryAgain):
        JanitorOperator(task_id="sweep").execute(FakeContext(None))
    assert f"the state of the run {RUN.run_id!r} is not known" in log.text
    assert len(deployed.objects) == 2


def test_a_cluster_out_of_reach_does_not_hide_the_next(
    deployed: FakeClusterClient, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """Every target is swept; the task fails in the end, so that somebody sees it."""
    log = logged(JanitorOperator)
    airflow_says(monkeypatch, "success")
    age(deployed)
    broken = FakeClusterClient()
    broken.refuse = ClusterUnavailableError("no answer")
    clusters = {"first": broken, "second": deployed}
    monkeypatch.setattr(connections, "cluster_client", clusters.__getitem__)
    monkeypatch.setenv("KUBEJOBS_JANITOR_TARGETS", f"first/ns, ,second/{NS},")
    with pytest.raises(TryAgain):
        JanitorOperator(task_id="sweep").execute(FakeContext(None))
    assert deployed.objects == {}
    assert "first/ns: no answer" in log.text
