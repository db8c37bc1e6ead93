"""When the stack is ready: every part says so, the first slow calls are behind us, the DAG is parsed and not paused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import httpx

from devstack.errors import StackError
from devstack.layout import Layout
from kubejobs.cli.airflow_api import DAG_ID, AirflowApi
from kubejobs.cli.follow import ENDED
from kubejobs.cli.submit import new_run_id
from kubejobs.errors import AirflowApiError

WARM_UP_DAG_ID = "devstack_warm_up"

_POLL_SECONDS = 0.2
_LIMIT_SECONDS = 300.0
_AIRFLOW_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


def wait_until_ready(
    layout: Layout, api: AirflowApi, check: Callable[[], None], say: Callable[[str], None], started_at: float
) -> None:
    """Return when a run could be submitted; `check` raises when a part has died, `say` is told what is waited for.

    `started_at` is when the stack was started (seconds since the epoch): a DAG parsed before that does not count.
    """
    give_up_at = time.monotonic() + _LIMIT_SECONDS
    with httpx.Client(base_url=api.url, timeout=60.0, trust_env=False) as http:
        for waiting_for in _missing(layout, api, http, started_at):
            check()
            if time.monotonic() > give_up_at:
                raise StackError(f"not ready after {_LIMIT_SECONDS:.0f} s: still waiting for {waiting_for}")
            say(waiting_for)
            time.sleep(_POLL_SECONDS)


def _missing(layout: Layout, api: AirflowApi, http: httpx.Client, started_at: float) -> Iterator[str]:
    """What is still missing, again and again until nothing is.

    The execution API builds itself at its first call, in seconds; that call is made here and not by the first task. The
    triggerer has one of its own, which the run of the DAG `devstack_warm_up` calls, at the same time on another core.
    """
    while not layout.kubeconfig.exists():
        yield "the embedded cluster"
    while not _answers(http, "/api/v2/monitor/health"):
        yield "Airflow's API server"
    warm_up = new_run_id()
    while not _started(api, warm_up):
        yield f"the DAG {WARM_UP_DAG_ID}"
    while not _answers(http, "/execution/health"):
        yield "Airflow's execution API"
    while unwell := _unwell(http):
        yield f"Airflow's {' and '.join(unwell).replace('_', '-')}"
    while not _parsed(api, started_at):
        yield f"the DAG {DAG_ID}"
    while not _ended(api, warm_up):
        yield "the first trigger"


def _answers(http: httpx.Client, path: str) -> bool:
    try:
        return http.get(path).is_success
    except httpx.TransportError:
        return False


def _started(api: AirflowApi, run_id: str) -> bool:
    """Whether the warm-up could be triggered: not before its DAG has been parsed once."""
    try:
        api.trigger({}, run_id, WARM_UP_DAG_ID)
    except AirflowApiError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return False
    return True


def _ended(api: AirflowApi, run_id: str) -> bool:
    """Whether the warm-up has ended; how does not matter, as the real runs say more about what does not work."""
    return api.run(run_id, WARM_UP_DAG_ID)["state"] in ENDED


def _unwell(http: httpx.Client) -> list[str]:
    health = http.get("/api/v2/monitor/health").json()
    return [name for name in _AIRFLOW_PARTS if (health.get(name) or {}).get("status") != "healthy"]


def _parsed(api: AirflowApi, started_at: float) -> bool:
    """Whether this start's dag-processor has read the DAG; its import errors are raised, and it is unpaused."""
    try:
        record = api.dag()
    except AirflowApiError as error:
        if error.status == httpx.codes.NOT_FOUND and not api.import_errors():
            return False
        raise StackError(str(error)) from error
    parsed = record.get("last_parsed_time")
    if parsed is None or datetime.fromisoformat(parsed).timestamp() < started_at:
        return False
    if record["is_paused"]:
        api.unpause()
    return True
