"""Every error the project raises on purpose: what was wrong, the value, and what to do.

Standard library only, so that a worker pod can import it alone.
"""

from __future__ import annotations

from dataclasses import dataclass


class KubeJobsError(Exception):
    """Root of the project's errors; anything else that escapes is a bug."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a submission: the field's path, what was wrong, what would be right."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class SubmissionError(KubeJobsError):
    """The submission can't be run; carries every problem found, not only the first."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"the submission has {count} problem{'s' if count != 1 else ''}:\n{lines}")


class ConfigurationError(KubeJobsError):
    """A setting or a configuration file is wrong."""


class WorkloadError(KubeJobsError):
    """The workload can't be read, is not allowed, or holds no items."""


class QueueError(KubeJobsError):
    """The queue refused an operation or holds something unexpected."""


class QueueUnavailableError(QueueError):
    """The queue's server does not answer (for now); the operation may be tried again."""


class QueueLostError(QueueError):
    """The queue answers but this run's keys are gone: it was deleted from outside, or its server lost its data."""


class LeadershipLostError(QueueError):
    """Another control loop leads this run now; this one stops writing."""


class ClusterError(KubeJobsError):
    """The Kubernetes API refused a request; `status` is the HTTP status, `reason` the API's reason."""

    def __init__(self, message: str, *, status: int | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class ClusterUnavailableError(ClusterError):
    """The Kubernetes API does not answer (for now); the operation may be tried again."""


class ObjectGoneError(ClusterError):
    """An object of the run was deleted from outside."""


class ObjectConflictError(ClusterError):
    """The object changed since it was read, or an object of that name belongs to somebody else."""


class ReportError(KubeJobsError):
    """The report, or a file of it, can't be written or read where it should be."""


class AirflowApiError(KubeJobsError):
    """Airflow's REST API refused a request or does not answer; `status` is the HTTP status, None without an answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
