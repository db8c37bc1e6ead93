"""How a task fails: a clear message in its log, no traceback of ours, and a retry only where one can help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from kubejobs.errors import (
    ConfigurationError,
    KubeJobsError,
    ObjectConflictError,
    SubmissionError,
    WorkloadError,
)


class GiveUp(SystemExit):
    """The task failed for a reason that a retry can't mend; Airflow logs an exit code in place of a traceback."""

    def __init__(self) -> None:
        super().__init__(1)


class TryAgain(GiveUp):
    """The task failed for a reason that may pass."""


RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=TryAgain, action=RetryAction.RETRY, reason="the reason may pass"),
        RetryRule(exception=GiveUp, action=RetryAction.FAIL, reason="a retry would fail the same way"),
    ]
)

_PERMANENT = (SubmissionError, WorkloadError, ConfigurationError, ObjectConflictError)


@contextmanager
def clear_failures(log: Any) -> Iterator[None]:
    """Turn the project's errors into a message in the task's log and the right kind of failure."""
    try:
        yield
    except KubeJobsError as error:
        for line in str(error).splitlines():
            log.error("%s", line)  # noqa: TRY400 - a traceback would bury the message that says what to do
        raise (GiveUp() if isinstance(error, _PERMANENT) else TryAgain()) from None


def give_up(log: Any, message: str) -> NoReturn:
    """Fail the task with a message, whatever retries it has left."""
    for line in message.splitlines():
        log.error("%s", line)
    raise GiveUp
