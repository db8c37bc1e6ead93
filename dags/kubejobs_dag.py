"""One run for each submission: a queue, a Job of workers, control until the queue drains, a report, cleanup."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from kubejobs.submission.params import trigger_params
from operators.pipeline import wire

with DAG(
    dag_id="kubejobs",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=64,
    render_template_as_native_obj=False,
    tags=["kubejobs"],
    description="Runs a container over a list of work items, on time, with as few pods as that takes",
    doc_md=__doc__,
    params={spec.name: Param(spec.default, **spec.schema) for spec in trigger_params().values()},
):
    wire()
