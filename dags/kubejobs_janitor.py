"""Removes runs whose lifetime is over, and what runs that Airflow lost have left in the cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from operators.janitor_operator import JanitorOperator

with DAG(
    dag_id="kubejobs_janitor",
    schedule=timedelta(minutes=10),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["kubejobs"],
    description="Removes expired and lost runs from the clusters",
    doc_md=__doc__,
):
    JanitorOperator(task_id="sweep")
