"""janitor: removes expired runs and what lost runs left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from kubejobs.errors import AirflowApiError, KubeJobsError
from kubejobs.naming import RunIdentity
from kubejobs.settings import Settings
from operators import connections
from operators.failures import TryAgain, clear_failures

_OVER = frozenset({"success", "failed"})


class JanitorOperator(BaseOperator):
    """Sweep every place named by the setting `janitor_targets` (`connection/namespace`, separated by commas)."""

    def execute(self, context: Context) -> None:
        """One sweep of every target; fails after the last one if any could not be swept."""
        del context
        with clear_failures(self.log):
            settings = Settings.from_environment()
        targets = [target.strip() for target in settings.janitor_targets.split(",") if target.strip()]
        failed = [target for target in targets if not self._swept(target, settings)]
        if failed:
            raise TryAgain

    def _swept(self, target: str, settings: Settings) -> bool:
        try:
            self._sweep(target, settings)
        except KubeJobsError as error:
            self.log.error("%s: %s", target, error)  # noqa: TRY400 - a traceback would bury the message
            return False
        return True

    def _sweep(self, target: str, settings: Settings) -> None:
        from kubejobs.cleanup.janitor import sweep  # noqa: PLC0415 - slow to import

        connection_id, _, asked_for = target.partition("/")
        namespace = connections.namespace_of(connection_id, asked_for or None)
        cluster = connections.cluster_client(connection_id)
        removed = sweep(cluster, namespace, datetime.now(UTC), _is_over, settings.cleanup_wait_seconds, self.log.info)
        self.log.info("%s runs removed from %s of %s", len(removed), namespace, connection_id)


def _is_over(run: RunIdentity) -> bool:
    """Whether Airflow knows no such run, or has finished it; AirflowApiError if Airflow can't tell."""
    try:
        state: Any = RuntimeTaskInstance.get_dagrun_state(run.dag_id, run.run_id)
    except AirflowRuntimeError as error:
        status = (error.error.detail or {}).get("status_code")
        if status == HTTPStatus.NOT_FOUND:
            return True
        raise AirflowApiError(f"the state of the run {run.run_id!r} is not known: {error}", status=status) from error
    return str(state) in _OVER
