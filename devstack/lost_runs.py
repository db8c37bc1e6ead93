"""End the runs of an earlier start in the database: the cluster that they worked in ended with it.

Only for the stopped development database; a running Airflow is spoken to through its API.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from devstack.layout import Layout

_UNFINISHED_RUNS = "SELECT id FROM dag_run WHERE state IN ('queued', 'running')"
_END_TASKS = """
    UPDATE task_instance SET state = 'failed', trigger_id = NULL
    WHERE (state IS NULL OR state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))
    AND (dag_id, run_id) IN (SELECT dag_id, run_id FROM dag_run WHERE state IN ('queued', 'running'))
"""
_END_RUNS = "UPDATE dag_run SET state = 'failed', end_date = CURRENT_TIMESTAMP WHERE state IN ('queued', 'running')"


def end_lost_runs(layout: Layout) -> int:
    """Mark unfinished runs as failed, so that they don't go on against a cluster that is gone; returns how many."""
    if not layout.database.exists():
        return 0
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        lost = len(connection.execute(_UNFINISHED_RUNS).fetchall())
        if lost:
            connection.execute(_END_TASKS)
            connection.execute(_END_RUNS)
    return lost
