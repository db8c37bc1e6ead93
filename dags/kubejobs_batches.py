"""One scheduled DAG for each YAML file in the batches folder of the configuration."""

from __future__ import annotations

import warnings

from airflow.sdk import DAG, get_parsing_context

from kubejobs.settings import Settings
from kubejobs.submission.batches import read_batches
from operators.pipeline import wire
from operators.run_context import config_dir, defaults

# A worker runs one task of one DAG; building the others would only make it slower.
WANTED = get_parsing_context().dag_id
SETTINGS = Settings.from_environment()
BATCHES, PROBLEMS = read_batches(config_dir(SETTINGS) / "batches", defaults(SETTINGS))
for problem in PROBLEMS:
    # Raising would take the DAGs of the good files away too; Airflow keeps the warnings of a file with its parse.
    warnings.warn(str(problem), stacklevel=1)

for batch in BATCHES:
    dag_id = f"kubejobs_{batch.name}"
    if WANTED not in {None, dag_id}:
        continue
    with DAG(
        dag_id=dag_id,
        schedule=batch.schedule,
        start_date=batch.start_date,
        catchup=batch.catchup,
        is_paused_upon_creation=batch.paused,
        max_active_runs=1,
        tags=["kubejobs", "batch", *batch.tags],
        description=batch.description,
    ) as dag:
        wire(batch.submission)
    globals()[dag_id] = dag
