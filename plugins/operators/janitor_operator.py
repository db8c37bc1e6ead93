"""janitor: removes expired runs and what lost runs left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from kubejobs.naming import RunIdentity
from kubejobs.settings import Settings
from operators import connections
from operators.failures import clear_failures

_OVER = frozenset({"success", "failed"})


class JanitorOperator(BaseOperator):
    """Sweep every place named by the setting `janitor_targets` (`connection/namespace`, separated by commas)."""

    def execute(self, context: Context) -> None:
        """One sweep of every target."""
        del context
        with clear_failures(self.log):
            settings = Settings.from_environment()
            for target in settings.janitor_targets.split(","):
                self._sweep(target.strip(), settings)

    def _sweep(self, target: str, settings: Settings) -> None:
        from kubejobs.cleanup.janitor import sweep  # noqa: PLC0415 - slow to import

        connection_id, _, asked_for = target.partition("/")
        namespace = connections.namespace_of(connection_id, asked_for or None)
        cluster = connections.cluster_client(connection_id)
        removed = sweep(cluster, namespace, datetime.now(UTC), _is_over, settings.cleanup_wait_seconds, self.log.info)
        self.log.info("%s runs removed from %s of %s", len(removed), namespace, connection_id)


def _is_over(run: RunIdentity) -> bool:
    """Whether Airflow knows no such run, or has finished it."""
    try:
        state: Any = RuntimeTaskInstance.get_dagrun_state(run.dag_id, run.run_id)
    except AirflowRuntimeError as error:
        if "not found" in str(error).lower() or "not_found" in str(error).lower():
            return True
        raise
    return str(state) in _OVER
