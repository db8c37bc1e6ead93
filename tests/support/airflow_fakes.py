"""What Airflow gives to a task, without an Airflow: a context that keeps the XComs, and a log that keeps its lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from kubejobs.naming import RunIdentity

RUN = RunIdentity("kubejobs", "manual__2026-01-01T00:00:00+00:00")
RUN_AFTER = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeTaskInstance:
    """Keeps what the task pushes."""

    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        """As RuntimeTaskInstance.xcom_push."""
        self.xcoms[key] = value


@dataclass
class FakeContext(dict[str, Any]):
    """The few entries of a task's context that the operators read."""

    conf: dict[str, Any] | None
    run: RunIdentity = RUN
    task_instance: FakeTaskInstance = field(default_factory=FakeTaskInstance)

    def __post_init__(self) -> None:
        run = SimpleNamespace(dag_id=self.run.dag_id, run_id=self.run.run_id, conf=self.conf, run_after=RUN_AFTER)
        self.update(dag_run=run, ti=self.task_instance)

    @property
    def xcoms(self) -> dict[str, Any]:
        """What was pushed."""
        return self.task_instance.xcoms


class RecordingLog:
    """A logger that keeps `level: message` lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def text(self) -> str:
        """Everything that was logged."""
        return "\n".join(self.lines)

    def info(self, message: str, *values: Any) -> None:
        """As Logger.info."""
        self.lines.append("info: " + message % values)

    def warning(self, message: str, *values: Any) -> None:
        """As Logger.warning."""
        self.lines.append("warning: " + message % values)

    def error(self, message: str, *values: Any) -> None:
        """As Logger.error."""
        self.lines.append("error: " + message % values)
