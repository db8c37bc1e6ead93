"""The stack's environment, secrets, database notes and judgement, without any process."""

from __future__ import annotations

import json
import sqlite3
import stat
from typing import Any

import pytest

from devstack.airflow_environment import airflow_environment
from devstack.credentials import USER, StackSecrets
from devstack.demo_result import shortcomings
from devstack.layout import Layout
from devstack.lost_runs import end_lost_runs
from devstack.migration import airflow_version, discard_incomplete, schema_is_current
from devstack.parts import stack_parts
from devstack.ports import free_port
from devstack.private_file import read_json
from kubejobs.settings import Settings


def test_secrets_are_made_once_and_private(layout: Layout) -> None:
    """A second start has the same password and keys; nobody else can read the files, and no repr shows them."""
    first = StackSecrets.load_or_make(layout)
    assert StackSecrets.load_or_make(layout) == first
    assert read_json(layout.passwords) == {USER: first.password}
    assert first.password not in repr(first)
    for file in (layout.secrets, layout.passwords):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_of_the_callers_airflow_reaches_the_stack(layout: Layout) -> None:
    """Airflow's, Python's and the product's variables of the caller are left out, the rest is kept."""
    inherited = {"AIRFLOW__CORE__EXECUTOR": "X", "PYTHONPATH": "/x", "KUBEJOBS_QUEUE_IMAGE": "x", "LANG": "C.UTF-8"}
    environment = airflow_environment(layout, StackSecrets.load_or_make(layout), 1234, inherited)
    assert environment["LANG"] == "C.UTF-8"
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert environment["PYTHONPATH"] == str(layout.repository)
    assert "KUBEJOBS_QUEUE_IMAGE" not in environment


def test_everything_is_on_loopback_and_under_the_state_folder(layout: Layout) -> None:
    """Addresses, database, logs and kubeconfig are the stack's own."""
    environment = airflow_environment(layout, StackSecrets.load_or_make(layout), 1234, {})
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{layout.database}?timeout=30"
    assert environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"].startswith(str(layout.state))
    connection = json.loads(environment["AIRFLOW_CONN_KUBERNETES_DEFAULT"])
    assert connection["extra"]["kube_config_path"] == str(layout.kubeconfig)


def test_the_products_settings_are_understood(layout: Layout) -> None:
    """What the stack sets is what `Settings` reads."""
    environment = airflow_environment(layout, StackSecrets.load_or_make(layout), 1234, {})
    settings = Settings.from_environment(environment)
    assert settings.workload_allow_local_files
    assert settings.report_url == str(layout.reports)
    assert settings.progress_interval_seconds == 1


def test_the_cluster_does_not_get_airflows_secrets(layout: Layout) -> None:
    """The embedded cluster, and so the pods, run without the variables of Airflow."""
    environment = airflow_environment(layout, StackSecrets.load_or_make(layout), 1234, {})
    cluster = next(part for part in stack_parts(layout, environment) if part.name == "localkube")
    assert not [name for name in cluster.environment if name.startswith(("AIRFLOW", "KUBEJOBS_", "PYTHONPATH"))]


@pytest.mark.parametrize(
    ("database", "stamp", "current", "kept"),
    [
        pytest.param(True, airflow_version(), True, True, id="complete"),
        pytest.param(True, "1.0", False, True, id="of an older version"),
        pytest.param(True, None, False, False, id="half made"),
        pytest.param(False, airflow_version(), False, False, id="removed"),
    ],
)
def test_the_database_is_made_again_unless_it_is_complete(
    layout: Layout, database: bool, stamp: str | None, current: bool, kept: bool
) -> None:
    """Only a complete database of this version is used as it is; a half made one is removed."""
    if database:
        layout.database.touch()
    if stamp:
        layout.schema_stamp.write_text(stamp)
    assert schema_is_current(layout) == current
    discard_incomplete(layout)
    assert layout.database.exists() == kept
    assert ("database" in {part.name for part in stack_parts(layout, {})}) != current


def test_unfinished_runs_of_an_earlier_start_are_ended(layout: Layout) -> None:
    """Runs and tasks that were at work are failed; finished ones, and other runs' tasks, stay as they are."""
    with sqlite3.connect(layout.database) as connection:
        connection.execute("CREATE TABLE dag_run (id, dag_id, run_id, state, end_date)")
        connection.execute("CREATE TABLE task_instance (dag_id, run_id, state, trigger_id)")
        connection.executemany(
            "INSERT INTO dag_run VALUES (?, 'd', ?, ?, NULL)", [(1, "a", "running"), (2, "b", "success")]
        )
        tasks = [("a", "deferred", 3), ("a", "success", None), ("a", None, None), ("b", "skipped", None)]
        connection.executemany("INSERT INTO task_instance VALUES ('d', ?, ?, ?)", tasks)
    connection.close()
    assert end_lost_runs(layout) == 1
    assert end_lost_runs(layout) == 0
    connection = sqlite3.connect(layout.database)
    assert connection.execute("SELECT run_id, state FROM dag_run ORDER BY id").fetchall() == [
        ("a", "failed"),
        ("b", "success"),
    ]
    assert connection.execute("SELECT run_id, state, trigger_id FROM task_instance ORDER BY rowid").fetchall() == [
        ("a", "failed", None),
        ("a", "success", None),
        ("a", "failed", None),
        ("b", "skipped", None),
    ]
    connection.close()


def test_a_taken_port_is_not_chosen() -> None:
    """The preferred port is used if it is free; otherwise another one."""
    import socket  # noqa: PLC0415 - only this test opens a port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def a_report(**changes: Any) -> dict[str, Any]:
    """A report of a demo that went well, with changes by section."""
    report: dict[str, dict[str, Any]] = {
        "items": {"done": 9, "total": 9, "failed": 0, "dead": 0},
        "cost": {"scale_ups": 3, "scale_downs": 2},
        "deadline": {"met": True, "late_seconds": 0.0},
    }
    return {name: values | changes.get(name, {}) for name, values in report.items()}


@pytest.mark.parametrize(
    ("state", "report", "expected"),
    [
        pytest.param("success", a_report(), [], id="as it should be"),
        pytest.param("failed", None, ["the run ended as failed", "there is no report"], id="failed early"),
        pytest.param(
            "success", a_report(items={"done": 8, "failed": 1}), ["8 of 9 items are done"], id="an item failed"
        ),
        pytest.param("success", a_report(items={"done": 8, "total": 8}), ["8 of 9 items are done"], id="an item lost"),
        pytest.param("success", a_report(cost={"scale_ups": 0}), ["never scaled up"], id="never up"),
        pytest.param("success", a_report(cost={"scale_downs": 0}), ["never scaled down"], id="never down"),
        pytest.param("success", a_report(deadline={"met": False, "late_seconds": 2.5}), ["missed by 2.5 s"], id="late"),
    ],
)
def test_the_demo_is_judged_by_its_report(state: str, report: dict[str, Any] | None, expected: list[str]) -> None:
    """Every way to fall short is named; only a run with none is a success."""
    found = shortcomings(state, report, 9)
    assert len(found) == len(expected)
    for message, part in zip(found, expected, strict=True):
        assert part in message
