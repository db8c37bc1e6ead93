"""A run of this DAG has the triggerer build what it otherwise builds in the middle of the first job."""

from __future__ import annotations

from airflow.sdk import DAG, BaseOperator
from airflow.triggers.base import StartTriggerArgs


class WarmUpOperator(BaseOperator):
    """Goes to the triggerer at once, and ends there; no worker is needed."""

    start_from_trigger = True
    start_trigger_args = StartTriggerArgs(
        trigger_cls="devstack.warm_up_trigger.WarmUpTrigger", trigger_kwargs={}, next_method="execute"
    )


with DAG(
    dag_id="devstack_warm_up",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    description="Started by the development stack itself",
    doc_md=__doc__,
    tags=["devstack"],
):
    WarmUpOperator(task_id="warm_up")
