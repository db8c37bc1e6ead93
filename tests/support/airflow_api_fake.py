"""Airflow's REST API as the commands see it, in memory."""

from __future__ import annotations

from typing import Any, Self

from kubejobs.errors import AirflowApiError


class FakeApi:
    """Airflow with the run `mine`, which goes through given states, and those triggered; XComs by task and key."""

    def __init__(
        self,
        states: list[str],
        xcoms: dict[tuple[str, str], list[Any]] | None = None,
        conf: dict[str, Any] | None = None,
    ) -> None:
        self.states = states
        self.xcoms = xcoms or {}
        self.conf = conf
        self.triggered: list[tuple[dict[str, Any], str]] = []
        self.notes: list[str | None] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def trigger(self, conf: dict[str, Any], run_id: str, dag_id: str = "kubejobs", *, note: str | None = None) -> str:
        """Remember it."""
        self.triggered.append((conf, run_id))
        self.notes.append(note)
        return run_id

    def run(self, run_id: str, dag_id: str = "kubejobs") -> dict[str, Any]:
        """The next state; the last one stays. 404 for a run that nobody triggered."""
        if run_id not in {"mine", *(known for _, known in self.triggered)}:
            raise AirflowApiError(f"no run {run_id}", status=404)
        return {"state": self.states.pop(0) if len(self.states) > 1 else self.states[0], "conf": self.conf}

    def xcom(self, run_id: str, task_id: str, key: str, dag_id: str = "kubejobs") -> Any:
        """The next value; the last one stays."""
        values = self.xcoms.get((task_id, key), [None])
        return values.pop(0) if len(values) > 1 else values[0]

    def task_instances(self, run_id: str, dag_id: str = "kubejobs") -> list[dict[str, Any]]:
        """One that has ended and one at work."""
        return [{"task_id": "start", "state": "success"}, {"task_id": "deploy", "state": "running"}]
