"""Follow a run through Airflow's REST API until it ends; the one loop of `kubejobs watch` and of the demo."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kubejobs.cli.airflow_api import DAG_ID, AirflowApi
from kubejobs.cli.progress import Progress

ENDED = frozenset({"success", "failed"})


@dataclass(slots=True)
class Followed:
    """What was seen of a run: its last state and progress, and the replicas at each change (a list of counts)."""

    state: str = "queued"
    progress: Progress | None = None
    replicas: list[int] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether Airflow calls the run a success."""
        return self.state == "success"


def follow(
    api: AirflowApi,
    run_id: str,
    show: Callable[[str], None],
    *,
    dag_id: str = DAG_ID,
    interval_seconds: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Followed:
    """Read the run's state and progress every `interval_seconds`, `show` a line each, return when the run has ended."""
    seen = Followed()
    while True:
        seen.state = str(api.run(run_id, dag_id).get("state") or "queued")
        _note(seen, Progress.from_xcom(api.xcom(run_id, "control", "progress", dag_id)))
        show(_line(api, run_id, dag_id, seen))
        if seen.state in ENDED:
            return seen
        sleep(interval_seconds)


def _note(seen: Followed, progress: Progress | None) -> None:
    if progress is None:
        return
    seen.progress = progress
    if not seen.replicas or seen.replicas[-1] != progress.replicas:
        seen.replicas.append(progress.replicas)


def _line(api: AirflowApi, run_id: str, dag_id: str, seen: Followed) -> str:
    """The progress, and while there is none or all items are done, the tasks that are at work."""
    progress = seen.progress
    if seen.state in ENDED:
        return f"{progress.line()} | run {seen.state}" if progress else f"run {seen.state}"
    if progress is not None and progress.share < 1:
        return progress.line()
    active = [task["task_id"] for task in api.task_instances(run_id, dag_id) if task.get("state") in _AT_WORK]
    doing = ", ".join(active) or seen.state
    return f"{progress.line()} | {doing}" if progress else f"run {seen.state}: {doing}"


_AT_WORK = frozenset({"queued", "running", "deferred", "restarting", "up_for_retry"})
