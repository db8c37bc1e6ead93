"""deploy: validates the submission, makes the queue and fills it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from kubejobs.settings import Settings
from operators import connections, run_context
from operators.failures import clear_failures
from operators.run_operator import RunOperator


class DeployOperator(RunOperator):
    """Bring a run to the point where its workers can start.

    Pushes the XCom `deployed`: items, namespace and the short name of the run's objects.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._started: tuple[str, str, str] | None = None

    def execute(self, context: Context) -> None:
        """Validate, then deploy; a try after a failed one goes on."""
        with clear_failures(self.log):
            self._deploy(context)

    def _deploy(self, context: Context) -> None:
        settings = Settings.from_environment()
        submission = run_context.submission(context, self.submission, settings)
        run = run_context.identity(context)
        # Slow to import, and of no use to a submission that is wrong.
        from kubejobs.deploy.deploy import Order, deploy  # noqa: PLC0415
        from kubejobs.deploy.queue_server import Target  # noqa: PLC0415
        from kubejobs.submission.workload import WorkloadPolicy, open_workload  # noqa: PLC0415

        namespace = connections.namespace_of(submission.cluster, submission.namespace)
        shared = connections.shared_queue(submission.queue.connection)
        items = open_workload(submission.workload, WorkloadPolicy.from_settings(settings))
        target = Target(connections.cluster_client(submission.cluster), namespace, run)
        self._started = (submission.cluster, namespace, run.anchor_name)
        order = Order(target, submission, run_context.submitted_at(context), shared)
        plan = deploy(order, items, settings, self.log.info)
        context["ti"].xcom_push(key="deployed", value={"items": plan.total, "namespace": namespace, "name": run.name})

    def on_kill(self) -> None:
        """Remove the anchor, so that Kubernetes removes what this task made and may still be making."""
        if self._started is not None:
            cluster, namespace, anchor = self._started
            connections.cluster_client(cluster).delete("ConfigMap", anchor, namespace)
