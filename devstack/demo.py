"""The demo: a real job from submission to report, watched live; it fails if the job is not what it should be.

It uses a stack that is up already and leaves it running; otherwise it starts one and stops it at the end.
"""

from __future__ import annotations

import sys
from typing import Any

from devstack.console import Console
from devstack.demo_job import (
    EXPECTED_SECONDS,
    FIRST_WORKERS,
    MOST_WORKERS,
    submission,
    target_cpu_seconds,
    worker_millicores,
)
from devstack.demo_result import ReportFiles, failed_task_logs, shortcomings
from devstack.endpoint import Endpoint
from devstack.errors import StackError
from devstack.interruption import Interruption
from devstack.layout import REPOSITORY, Layout
from devstack.session import running_endpoint, started_stack
from devstack.workload import Workload, choose_workload
from kubejobs.cli.airflow_api import AirflowApi
from kubejobs.cli.follow import follow
from kubejobs.cli.live_line import LiveLine
from kubejobs.cli.report_text import report_lines
from kubejobs.cli.submit import new_run_id

# The demo's worker is an example outside of any package; its measuring and its summary are used here too.
sys.path.insert(0, str(REPOSITORY / "examples"))

from source_metrics.measure import measure_file
from source_metrics.summary import render, summarise


def run_demo(layout: Layout, interruption: Interruption, console: Console) -> int:
    """The whole demo; 0 if all items are done in time and control has scaled up and down."""
    chosen: list[Workload] = []

    def choose() -> None:
        chosen.append(choose_workload(measure_file, target_cpu_seconds()))

    endpoint = running_endpoint(layout)
    if endpoint is not None:
        print(f"using the stack that is up at {endpoint.url}; it stays up")
        choose()
        _run_job(layout, endpoint, chosen[0], console)
        return 0
    with started_stack(layout, interruption, console, choose) as (stack, endpoint):
        _run_job(layout, endpoint, chosen[0], console)
        interruption.silence()
        with console.waiting("stopping everything that was started"):
            stack.stop()
    print("`make up` starts the same stack to stay, with this run in its Airflow UI")
    return 0


def _run_job(layout: Layout, endpoint: Endpoint, workload: Workload, console: Console) -> None:
    """Submit, watch, show; StackError if the run was not what it should be."""
    workload.write(layout.workload)
    with endpoint.api() as api:
        run_id = _submit(layout, api, workload)
        line = LiveLine(console.stream, every_seconds=3.0)
        try:
            seen = follow(api, run_id, line.show, interval_seconds=0.5)
        finally:
            line.end()
        report = api.xcom(run_id, "report", "report")
        problems = shortcomings(seen.state, report, len(workload.files))
        logs = failed_task_logs(api, run_id) if problems else ""
    files = ReportFiles.of(layout, run_id)
    _show(files, report)
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise StackError(f"the demo did not go as it should:\n{listed}\n{logs}\nall logs are under {layout.state}")
    print(f"\nthe run in the Airflow UI, while the stack is up: {api.run_page(run_id)}\nits files: {files.folder}")


def _submit(layout: Layout, api: AirflowApi, workload: Workload) -> str:
    """Start the run through Airflow's REST API; its id."""
    conf = submission(layout.workload, workload.cpu_seconds)
    run_id = api.trigger(conf, new_run_id())
    limit = worker_millicores(workload.cpu_seconds)
    first_seconds = workload.cpu_seconds * 1000 / limit / FIRST_WORKERS
    print(
        f"submitted: measure {len(workload.files):,} source files of this Python\n"
        f"  expected time {EXPECTED_SECONDS:.0f} s; the first {FIRST_WORKERS} workers, each limited to "
        f"{limit / 1000:g} CPU, would take about {first_seconds:.0f} s; at most {MOST_WORKERS} workers\n"
        f"  watch it in the Airflow UI: {api.run_page(run_id)}",
        flush=True,
    )
    return run_id


def _show(files: ReportFiles, report: dict[str, Any] | None) -> None:
    """The job's report and what the workers found."""
    if report is None:
        return
    print()
    print(files.text.read_text(encoding="utf-8") if files.text.exists() else "\n".join(report_lines(report)))
    print(render(summarise(files.results())))
    cost = report["cost"]
    print(
        f"\nscaled up {cost['scale_ups']} times and down {cost['scale_downs']} times, "
        f"at most {cost['max_replicas']} workers"
    )
