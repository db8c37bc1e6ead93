"""The DAG files: they import, say what they should, and stay light."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, ExceptionRetryPolicy, RetryAction
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from kubejobs.submission.params import trigger_params
from operators.failures import RETRY_POLICY, GiveUp, TryAgain

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "dags"
TASKS = {"start", "deploy", "job", "control", "report", "cleanup"}
HEAVY = ("kubernetes", "kubernetes_asyncio", "redis", "aiohttp")
EXAMPLE = "kubejobs_nightly-metrics"

BATCH = """\
schedule: "30 2 * * *"
paused: false
submission: {image: busybox, workload: {items: [a]}, expected_time: 60, env: {TOKEN: zz-token-of-a-batch}}
"""


@pytest.fixture(scope="module")
def bag() -> dict[str, Any]:
    """The DAGs of the dags folder, parsed as Airflow does, with the batches of the repository."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEJOBS_CONFIG_DIR", str(ROOT / "include" / "configs"))
        bag = DagBag(str(DAGS))
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_the_dags(bag: dict[str, Any]) -> None:
    """One for submissions, one for the example batch, the janitor, and no other."""
    assert set(bag) == {"kubejobs", EXAMPLE, "kubejobs_janitor"}
    assert set(bag["kubejobs_janitor"].task_ids) == {"sweep"}
    assert not bag["kubejobs"].is_paused_upon_creation
    assert not bag["kubejobs_janitor"].is_paused_upon_creation
    assert bag[EXAMPLE].is_paused_upon_creation
    assert (bag["kubejobs"].schedule, bag["kubejobs"].catchup) == (None, False)


@pytest.mark.parametrize("dag_id", ["kubejobs", EXAMPLE])
def test_the_tasks_and_their_order(bag: dict[str, Any], dag_id: str) -> None:
    """Start → deploy → job and control → report → cleanup, with both ends as teardowns of both setups."""
    dag = bag[dag_id]
    assert set(dag.task_ids) == TASKS
    downstream = {task.task_id: set(task.downstream_task_ids) for task in dag.tasks}
    assert downstream == {
        "start": {"deploy", "report", "cleanup"},
        "deploy": {"job", "control", "report", "cleanup"},
        "job": {"report"},
        "control": {"report"},
        "report": {"cleanup"},
        "cleanup": set(),
    }
    assert {task.task_id for task in dag.tasks if task.is_setup} == {"start", "deploy"}
    assert {task.task_id for task in dag.tasks if task.is_teardown} == {"report", "cleanup"}
    assert {task.task_id for task in dag.tasks if task.on_failure_fail_dagrun} == {"report"}


def test_tasks_are_tried_again(bag: dict[str, Any]) -> None:
    """Every task that does something, by the project's policy, and soon."""
    for task in bag["kubejobs"].tasks:
        if task.task_id != "start":
            assert task.retries == 2
            assert task.retry_delay.total_seconds() == 10
            assert task.retry_policy is RETRY_POLICY


@pytest.mark.parametrize(
    ("error", "action"),
    [(GiveUp(), RetryAction.FAIL), (TryAgain(), RetryAction.RETRY), (ValueError(), RetryAction.DEFAULT)],
    ids=["give up", "try again", "anything else"],
)
def test_the_retry_policy_survives_its_serialization(error: BaseException, action: RetryAction) -> None:
    """The rules match the exceptions by their paths as they do by their classes."""
    again = ExceptionRetryPolicy.deserialize(json.loads(json.dumps(RETRY_POLICY.serialize())))
    for policy in (RETRY_POLICY, again):
        assert policy.evaluate(error, 1, 2).action is action


@pytest.mark.parametrize("dag_id", ["kubejobs", EXAMPLE, "kubejobs_janitor"])
def test_a_dag_survives_its_serialization(bag: dict[str, Any], dag_id: str) -> None:
    """As the scheduler gets it: the same tasks, marks and order, and the retry policy is known of."""
    data = json.loads(json.dumps(DagSerialization.to_dict(bag[dag_id])))
    again = DagSerialization.from_dict(data)
    assert set(again.task_dict) == set(bag[dag_id].task_ids)
    for task in bag[dag_id].tasks:
        seen = again.task_dict[task.task_id]
        assert (seen.is_setup, seen.is_teardown) == (task.is_setup, task.is_teardown)
        assert set(seen.downstream_task_ids) == set(task.downstream_task_ids)
        assert bool(getattr(seen, "has_retry_policy", False)) == (task.retry_policy is not None)


# -- the trigger form -----------------------------------------------------------------


def test_every_field_of_the_form_is_a_param(bag: dict[str, Any]) -> None:
    """With the defaults that hold, else null, which means "not given", and valid as it stands."""
    params = bag["kubejobs"].params
    assert list(params) == list(trigger_params())
    assert params.validate() == {name: spec.default for name, spec in trigger_params().items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("expected_time", "soon"),
        ("expected_time", 0),
        ("image", "two words"),
        ("initial_replicas", 1.5),
        ("policy", "magic"),
        ("env", ["A=1"]),
        ("command", "python worker.py"),
        ("scaling", {"min_replicas": "one"}),
        ("scaling", {"min_replcas": 1}),
        ("plugin", "spark"),
        ("plugin_info", {"control_parameters": {"min_rep": 0}}),
        ("plugin_info", {"monitor_info": {"expected_time": "soon"}}),
    ],
)
def test_a_malformed_field_is_refused_at_the_trigger(bag: dict[str, Any], name: str, value: Any) -> None:
    """By Airflow's own check of the Params, which answers with 400 and the field's name."""
    param = bag["kubejobs"].params.get_param(name)
    with pytest.raises(ParamValidationError):
        param.resolve(value=value)


# -- batches --------------------------------------------------------------------------


def batches(folder: Path) -> tuple[dict[str, DAG], list[str]]:
    """The DAGs that the file of batches makes of `folder`, and its warnings."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        patch.setenv("KUBEJOBS_CONFIG_DIR", str(folder))
        names = runpy.run_path(str(DAGS / "kubejobs_batches.py"))
    dags = {value.dag_id: value for value in names.values() if isinstance(value, DAG)}
    return dags, [str(one.message) for one in caught if str(folder) in str(one.message)]


def test_a_bad_batch_does_not_hide_a_good_one(tmp_path: Path) -> None:
    """The good file's DAG exists; each problem of the bad one is a warning with file and field."""
    folder = tmp_path / "batches"
    folder.mkdir()
    (folder / "good.yaml").write_text(BATCH)
    (folder / "bad.yaml").write_text(BATCH.replace("expected_time: 60", "expected_time: soon").replace("30 2", "99 2"))
    dags, said = batches(tmp_path)
    assert set(dags) == {"kubejobs_good"}
    assert set(dags["kubejobs_good"].task_ids) == TASKS
    assert len(said) == 1
    assert f"{folder / 'bad.yaml'}: schedule: " in said[0]
    assert f"{folder / 'bad.yaml'}: submission.expected_time: " in said[0]


def test_a_batchs_environment_is_not_in_the_serialized_dag(tmp_path: Path) -> None:
    """What the database and the UI get of a batch holds none of its workers' variables."""
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "good.yaml").write_text(BATCH)
    dags, _ = batches(tmp_path)
    assert "zz-token-of-a-batch" not in json.dumps(DagSerialization.to_dict(dags["kubejobs_good"]))


def test_a_folder_without_batches_is_fine(tmp_path: Path) -> None:
    """No DAG, no warning."""
    assert batches(tmp_path) == ({}, [])


def test_a_broken_configuration_file_is_the_files_import_error(tmp_path: Path) -> None:
    """Batches can't be checked then; Airflow shows the message, and the other DAG files are as before."""
    (tmp_path / "controller.cfg").write_text("[general]\nport = many\n")
    shutil.copytree(DAGS, tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEJOBS_CONFIG_DIR", str(tmp_path))
        bag = DagBag(str(tmp_path / "dags"))
    assert set(bag.dags) == {"kubejobs", "kubejobs_janitor"}
    assert [Path(name).name for name in bag.import_errors] == ["kubejobs_batches.py"]
    assert "[general] port" in next(iter(bag.import_errors.values()))


# -- weight -----------------------------------------------------------------------------

_LOADED = """
import json, runpy, sys
loaded = {}
for name in sys.argv[2:]:
    runpy.run_path(name) if name.endswith(".py") else __import__(name)
    loaded[name] = [module for module in json.loads(sys.argv[1]) if module in sys.modules]
print("loaded " + json.dumps(loaded))
"""


def test_dag_files_and_triggers_stay_light() -> None:
    """Their import is paid in every task and in the triggerer's loop: no client of Kubernetes, no Redis."""
    files = [*map(str, sorted(DAGS.glob("*.py"))), "operators.control_trigger", "operators.job_trigger"]
    path = os.pathsep.join([str(ROOT / "plugins"), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, json.dumps(HEAVY), *files],
        env=os.environ | {"PYTHONPATH": path, "KUBEJOBS_CONFIG_DIR": str(ROOT / "include" / "configs")},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("loaded "))
    assert json.loads(line.removeprefix("loaded ")) == {name: [] for name in files}
