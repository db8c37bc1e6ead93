"""report: the journal and the ledger become the job report; fails when the run did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Context

from kubejobs.errors import SubmissionError
from kubejobs.settings import Settings
from operators import connections, run_context
from operators.failures import clear_failures, give_up
from operators.run_operator import RunOperator

if TYPE_CHECKING:
    from kubejobs.workqueue.types import QueueAddress


class ReportOperator(RunOperator):
    """Report a run, however it ended; the task, and with it the DAG run, fails if the run did not succeed.

    Pushes the XComs `report`: the report without the list of decisions, and the URLs of its files; and, where items
    failed, `failures`: their records as far as they are small enough.
    """

    def execute(self, context: Context) -> None:
        """Report, then say by success or failure how the run ended."""
        with clear_failures(self.log):
            self._report(context)

    def _report(self, context: Context) -> None:
        settings = Settings.from_environment()
        try:
            submission = run_context.submission(context, self.submission, settings)
        except SubmissionError:
            give_up(self.log, "the submission was refused; the log of the task `deploy` says why")
        namespace = connections.namespace_of(submission.cluster, submission.namespace)
        address = self._queue_address(context, submission.cluster, namespace)
        if address is None:
            give_up(self.log, "the run has no queue, so it never started; the log of the task `deploy` says why")
        self._publish(context, address, submission.report_url or settings.report_url)

    def _queue_address(self, context: Context, cluster: str, namespace: str) -> QueueAddress | None:
        from kubejobs.cluster.client import read_queue_address  # noqa: PLC0415 - slow to import

        client = connections.cluster_client(cluster)
        return read_queue_address(client, run_context.identity(context), namespace)

    def _publish(self, context: Context, address: QueueAddress, url: str) -> None:
        from kubejobs.report.render import render_text  # noqa: PLC0415 - of no use to the other tasks
        from kubejobs.report.run import report_run  # noqa: PLC0415 - of no use to the other tasks
        from kubejobs.workqueue.client import WorkQueue  # noqa: PLC0415 - of no use to the other tasks

        with WorkQueue(address) as queue:
            reported = report_run(queue, url, self.log.info)
        report = reported.report
        context["ti"].xcom_push(key="report", value=report.small_summary() | {"files": reported.files})
        if reported.failures is not None:
            context["ti"].xcom_push(key="failures", value=reported.failures)
        for line in render_text(report).splitlines():
            self.log.info("%s", line)
        if not report.success:
            give_up(self.log, f"the run did not succeed: {report.outcome}: {report.message}")
