"""cleanup: removes what the run made, or lets it live for its lifetime; always runs."""

from __future__ import annotations

from airflow.sdk import Context

from kubejobs.errors import ConfigurationError, SubmissionError
from kubejobs.settings import Settings
from operators import connections, run_context
from operators.failures import clear_failures
from operators.run_operator import RunOperator


class CleanupOperator(RunOperator):
    """Remove every object of the run by label, whatever became of the tasks before."""

    def execute(self, context: Context) -> None:
        """Remove at once, or mark when the janitor shall."""
        with clear_failures(self.log):
            self._clean_up(context)

    def _clean_up(self, context: Context) -> None:
        settings = Settings.from_environment()
        lifetime = 0
        try:
            submission = run_context.submission(context, self.submission, settings)
            cluster_id, asked_for = submission.cluster, submission.namespace
            lifetime = submission.resources_lifetime
        except SubmissionError:
            if not run_context.could_be_accepted(context, self.submission):
                self.log.info("the submission was refused, so nothing was made for it")
                return
            # This deployment refuses it; deploy may have accepted it before the configuration was changed.
            cluster_id, asked_for = self._location(context)
        except ConfigurationError as error:
            # A configuration file that was broken during the run is no reason to leave its objects behind.
            self.log.warning("%s", error)
            cluster_id, asked_for = self._location(context)
        from kubejobs.cleanup.run import clean_up, keep  # noqa: PLC0415 - slow to import

        namespace = connections.namespace_of(cluster_id, asked_for)
        cluster = connections.cluster_client(cluster_id)
        run = run_context.identity(context)
        if lifetime and keep(cluster, run, namespace, lifetime, self.log.info):
            return
        clean_up(cluster, run, namespace, settings.cleanup_wait_seconds, self.log.info)

    def _location(self, context: Context) -> tuple[str, str | None]:
        """Where the objects of a submission are that can't be read as a whole."""
        from kubejobs.submission.parse import location_of_cleanup  # noqa: PLC0415 - slow to import

        return location_of_cleanup(run_context.configuration(context, self.submission))
