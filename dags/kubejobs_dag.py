"""One run for each submission: a queue, a Job of workers, control until the queue drains, a report, cleanup.

**To submit**, trigger this DAG. Needed are an image, the items (a URL or the items themselves) and the expected time;
the rest shows what holds when it is left as it is. A submission that exists as JSON, in either shape, goes into
*Advanced Options*, *Configuration JSON*, in place of all that stands there.

**To watch**, see the log of `control`: every decision with its reason. The log of `report` says how it went. When
`deploy` fails, the end of its log lists every problem with the submission by its field.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from kubejobs.settings import Settings
from kubejobs.submission.params import trigger_params
from kubejobs.submission.prefilled import prefilled
from operators.pipeline import wire
from operators.run_context import config_dir

PREFILLED = prefilled(config_dir(Settings.from_environment()))

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
    params={spec.name: Param(spec.default, **spec.schema) for spec in trigger_params(PREFILLED).values()},
):
    wire()
