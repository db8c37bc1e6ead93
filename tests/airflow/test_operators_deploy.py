"""The operator `deploy`: what it validates, what it makes, and how it fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException

from kubejobs.errors import (
    ClusterError,
    ClusterUnavailableError,
    ConfigurationError,
    ObjectConflictError,
    QueueUnavailableError,
)
from kubejobs.workqueue.client import WorkQueue
from operators import connections
from operators.deploy_operator import DeployOperator
from operators.failures import GiveUp, TryAgain
from support.airflow_fakes import RUN, RUN_AFTER, FakeContext, RecordingLog
from support.cluster_fake import FakeClusterClient
from support.submissions import DOCUMENTS, PASSWORD, PRODUCT, USERNAME
from support.valkey import ValkeyServer

Logged = Callable[[type[Any]], RecordingLog]
GOOD = {"image": "busybox", "workload": {"items": ["a", "b"]}, "expected_time": 60}


@pytest.fixture
def log(logged: Logged) -> RecordingLog:
    """The log of the task."""
    return logged(DeployOperator)


def operator(submission: dict[str, Any] | None = None) -> DeployOperator:
    """The task as the DAG has it."""
    return DeployOperator(task_id="deploy", submission=submission)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch, valkey: ValkeyServer) -> dict[str, Any]:
    """A good submission on a shared Redis that is named by an Airflow connection."""
    connection = {"conn_type": "redis", "host": "127.0.0.1", "port": valkey.port, "password": valkey.password}
    monkeypatch.setenv("AIRFLOW_CONN_MY_REDIS", json.dumps(connection))
    return GOOD | {"queue": {"connection": "my_redis"}}


def test_a_run_is_deployed(
    cluster: FakeClusterClient, shared: dict[str, Any], valkey: ValkeyServer, log: RecordingLog
) -> None:
    """The queue is filled, and a small XCom says what was made and where; nothing of it is a secret."""
    context = FakeContext(shared | {"env": {"TOKEN": "zz-token-1"}})
    operator().execute(context)
    assert context.xcoms == {"deployed": {"items": 2, "namespace": "from-connection", "name": RUN.name}}
    with WorkQueue(valkey.address(RUN.key_prefix)) as queue:
        assert queue.snapshot().counts.queued == 2
        plan = queue.read_plan() or ""
        queue.delete_run()
    assert json.loads(plan)["submitted_at"] == RUN_AFTER.timestamp()
    assert not any(secret in plan + log.text for secret in ("zz-token-1", valkey.password))
    assert cluster.kinds() == ["ConfigMap", "Secret"]


def test_the_runs_conf_wins_over_the_batchs_submission(
    cluster: FakeClusterClient, shared: dict[str, Any], valkey: ValkeyServer
) -> None:
    """Key by key; what conf leaves out is the batch's."""
    context = FakeContext({"namespace": "from-conf"})
    operator(shared | {"namespace": "from-batch"}).execute(context)
    assert context.xcoms["deployed"]["namespace"] == "from-conf"
    assert context.xcoms["deployed"]["items"] == 2
    with WorkQueue(valkey.address(RUN.key_prefix)) as queue:
        queue.delete_run()


def test_every_problem_is_logged_by_field(asked: list[str], cluster: FakeClusterClient, log: RecordingLog) -> None:
    """All at once, as errors, without a retry and without a client of the cluster."""
    with pytest.raises(GiveUp) as caught:
        operator().execute(FakeContext({"image": 3, "expected_time": -1, "worklod": {"items": []}}))
    assert not isinstance(caught.value, TryAgain)
    for name in ("image", "expected_time", "workload.url", "worklod"):
        assert f"error:   - {name}: " in log.text
    assert asked == cluster.calls == []


def test_a_broken_configuration_file_is_named(config_dir: Path, cluster: FakeClusterClient, log: RecordingLog) -> None:
    """The deployment's own mistake is no retry either."""
    (config_dir / "controller.cfg").write_text("[general]\nport = many\n")
    with pytest.raises(GiveUp):
        operator().execute(FakeContext(GOOD))
    assert f"error: {config_dir / 'controller.cfg'}: [general] port" in log.text
    assert cluster.calls == []


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        pytest.param(ClusterUnavailableError("the API does not answer"), TryAgain, id="cluster out of reach"),
        pytest.param(ClusterError("403 Forbidden"), TryAgain, id="cluster refuses"),
        pytest.param(QueueUnavailableError("no answer"), TryAgain, id="queue out of reach"),
        pytest.param(ObjectConflictError("exists and is not this run's"), GiveUp, id="somebody else's object"),
        pytest.param(ConfigurationError("no such setting"), GiveUp, id="configuration"),
    ],
)
def test_only_what_may_pass_is_tried_again(
    cluster: FakeClusterClient, log: RecordingLog, error: Exception, failure: type[GiveUp]
) -> None:
    """The message is in the log, without a traceback of ours."""
    cluster.refuse = error
    with pytest.raises(GiveUp) as caught:
        operator().execute(FakeContext(GOOD))
    assert type(caught.value) is failure
    assert caught.value.__suppress_context__
    assert log.lines[-1] == f"error: {error}"


def test_an_unknown_shared_redis_is_a_clear_error(asked: list[str], log: RecordingLog) -> None:
    """The field and the connection's id are named, and what to add."""
    with pytest.raises(GiveUp):
        operator().execute(FakeContext(GOOD | {"queue": {"connection": "nobody"}}))
    assert "queue.connection is 'nobody' and Airflow has no connection of that id" in log.text
    assert asked == []


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        pytest.param(None, "Airflow has no connection of that id", id="unknown"),
        pytest.param({"kube_config_path": "/nonexistent/kubeconfig"}, "kube-config", id="no such file"),
        pytest.param({"in_cluster": True}, "host/port", id="not in a cluster"),
        pytest.param({"in_cluster": True, "kube_config_path": "/x/y"}, "mutually exclusive", id="contradiction"),
    ],
)
def test_a_clusters_connection_that_cannot_be_used_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, log: RecordingLog, extra: dict[str, Any] | None, said: str
) -> None:
    """Whatever the provider raises, the task's log names the connection and what is wrong with it."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    if extra is not None:
        monkeypatch.setenv("AIRFLOW_CONN_MY_CLUSTER", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    with pytest.raises(GiveUp):
        operator().execute(FakeContext(GOOD | {"cluster": "my_cluster"}))
    assert "'my_cluster'" in log.lines[-1]
    assert said in log.lines[-1]


def test_the_same_error_without_the_guard_is_the_projects_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter itself raises ConfigurationError, so that triggers and the janitor are clear too."""
    with pytest.raises(ConfigurationError) as caught:
        connections.cluster_client("nobody")
    assert isinstance(caught.value.__cause__, AirflowException)


def test_a_killed_deploy_removes_the_anchor(cluster: FakeClusterClient) -> None:
    """Marked failed while it works: Kubernetes removes what the anchor owns; before that there is nothing to remove."""
    task = operator()
    task.on_kill()
    assert cluster.calls == []
    cluster.refuse = ClusterUnavailableError("for now")
    with pytest.raises(TryAgain):
        task.execute(FakeContext(GOOD))
    cluster.refuse = None
    task.on_kill()
    assert cluster.calls[-1] == f"delete ConfigMap from-connection/{RUN.anchor_name}"


WRONG: dict[str, Any] = {
    "list in list": [[]],
    "object": {"zz": {"zz": 1}},
    "negative": -1.5,
    "truth of a list": [True],
    "control characters": "\x00\x1b",
    "surrogate": "\udfff",
}
FREE = {"username", "password", "visualizer_info"}


def malformed() -> list[Any]:
    """A wrong value in each place of a good submission of each shape, and a misspelt name for each key."""
    cases = []
    for shape, conf in (("product", PRODUCT), ("documents", DOCUMENTS)):
        for path in paths(conf):
            name = ".".join(map(str, path))
            for kind, junk in WRONG.items():
                if not (kind == "negative" and path[-1] == "LOG_LEVEL"):  # a number is a fine value of a variable
                    cases.append(pytest.param(changed(conf, path, junk), id=f"{shape}-{name}-{kind}"))
    return cases


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each value of a JSON document is, but for what is never looked at."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [found for key, child in children if key not in FREE for found in paths(child, (*path, key))]
    return [path, *below] if path else below


def changed(conf: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at `path`."""
    copied = copy.deepcopy(conf)
    place: Any = copied
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return copied


MALFORMED = malformed()


def test_there_are_at_least_two_hundred_malformed_submissions() -> None:
    """The table of the next test is as large as it has to be."""
    assert len(MALFORMED) >= 200


@pytest.mark.parametrize("conf", MALFORMED)
def test_a_malformed_submission_fails_clearly_and_makes_nothing(
    cluster: FakeClusterClient, asked: list[str], log: RecordingLog, conf: dict[str, Any]
) -> None:
    """Through the operator: one orderly failure, problems by field, no credential, no client, no XCom."""
    context = FakeContext(conf)
    with pytest.raises(GiveUp) as caught:
        operator().execute(context)
    assert not isinstance(caught.value, TryAgain)
    assert log.lines[0].startswith("error: the submission has ")
    problems = log.lines[1:]
    assert problems
    assert all(line.startswith("error:   - ") and ": " in line[11:] for line in problems)
    assert not any(secret in log.text for secret in (USERNAME, PASSWORD, "Traceback"))
    assert asked == cluster.calls == []
    assert context.xcoms == {}
