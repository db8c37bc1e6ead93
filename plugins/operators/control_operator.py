"""control: defers to the trigger that watches the queue and adjusts the workers until it drains."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from kubejobs.settings import Settings
from operators import connections, run_context
from operators.control_trigger import OUTCOME_KEY, ControlTrigger
from operators.failures import clear_failures, give_up
from operators.run_operator import RunOperator

_LONGEST = timedelta(days=365)


class ControlOperator(RunOperator):
    """Control a run until it is over, without holding a worker slot.

    Pushes the XComs `progress` (while it runs) and `outcome`.
    """

    def execute(self, context: Context) -> None:
        """Defer at once; all that control knows is in the queue."""
        with clear_failures(self.log):
            submission = run_context.submission(context, self.submission, Settings.from_environment())
            namespace = connections.namespace_of(submission.cluster, submission.namespace)
        run = run_context.identity(context)
        self.defer(
            trigger=ControlTrigger(
                dag_id=run.dag_id,
                run_id=run.run_id,
                task_id=self.task_id,
                cluster=submission.cluster,
                namespace=namespace,
                patience_seconds=submission.limits.stall_seconds,
            ),
            method_name="execute_complete",
            timeout=_LONGEST,
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """Fail, once and for all, as the trigger says."""
        if OUTCOME_KEY in event:
            context["ti"].xcom_push(key=OUTCOME_KEY, value=event[OUTCOME_KEY])
        give_up(self.log, event["failure"])
