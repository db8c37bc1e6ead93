"""The tasks of a run and the order between them; shared by every DAG of the project.

`start` and `deploy` are the setups of the teardowns `report` and `cleanup`, so that both run in every case: with
`deploy` as the only setup, its own failure would skip them. `start` is empty, costs no worker, and always succeeds.
`job` and `control` run side by side; each is deferred and ends from its trigger.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator

from operators.cleanup_operator import CleanupOperator
from operators.control_operator import ControlOperator
from operators.deploy_operator import DeployOperator
from operators.failures import RETRY_POLICY
from operators.job_operator import JobOperator
from operators.report_operator import ReportOperator

_RETRIES: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_policy": RETRY_POLICY,
}


def wire(submission: Mapping[str, Any] | None = None) -> None:
    """Add a run's tasks to the DAG that is being defined; `submission` presets what the run's conf may leave out."""
    start = EmptyOperator(task_id="start").as_setup()
    deploy = DeployOperator(task_id="deploy", submission=submission, **_RETRIES).as_setup()
    job = JobOperator(task_id="job", submission=submission, **_RETRIES)
    control = ControlOperator(task_id="control", submission=submission, **_RETRIES)
    report = ReportOperator(task_id="report", submission=submission, **_RETRIES)
    cleanup = CleanupOperator(task_id="cleanup", submission=submission, **_RETRIES)
    start >> deploy >> [job, control] >> report >> cleanup
    # The report fails when the run did, and with it the DAG run. Airflow judges a DAG run by its last tasks: were a
    # failure of cleanup to count too, cleanup alone would be judged. What it leaves is the janitor's.
    report.as_teardown(setups=[start, deploy], on_failure_fail_dagrun=True)
    cleanup.as_teardown(setups=[start, deploy])
