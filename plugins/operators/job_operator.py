"""job: creates the Kubernetes Job of workers and defers until it ends.

The operator of the DAG is light; the KubernetesJobOperator behind it is imported when the task runs, because importing
it costs every task of the DAG more than a second.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from kubejobs.settings import Settings
from operators import connections, run_context
from operators.failures import clear_failures, give_up
from operators.job_trigger import JobTrigger
from operators.run_operator import RunOperator


class JobOperator(RunOperator):
    """Run the workers of a run."""

    custom_operator_name = "KubernetesJobOperator"
    ui_color = "#753cd4"
    ui_fgcolor = "#fff"

    def execute(self, context: Context) -> None:
        """Create or adopt the Job, then defer."""
        from operators.kubernetes_worker_job import KubernetesWorkerJobOperator  # noqa: PLC0415 - slow to import

        with clear_failures(self.log):
            settings = Settings.from_environment()
            submission = run_context.submission(context, self.submission, settings)
            run = run_context.identity(context)
            namespace = connections.namespace_of(submission.cluster, submission.namespace)
            job = KubernetesWorkerJobOperator.for_run(run, submission, namespace, settings.runner_image)
            job.create_or_adopt()
            self.log.info("Job %s/%s runs %s workers", namespace, run.job_name, submission.scaling.initial_replicas)
        self.defer(
            trigger=JobTrigger(
                dag_id=run.dag_id,
                run_id=run.run_id,
                cluster=submission.cluster,
                namespace=namespace,
                patience_seconds=submission.limits.stall_seconds,
            ),
            method_name="execute_complete",
            timeout=timedelta(days=365),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """Fail, once and for all, as the trigger says."""
        del context
        give_up(self.log, event["failure"])
