"""A small client of Airflow's REST API: tokens, runs, XComs and logs, with errors that say what to do.

Rule: a request is repeated while the server fails or can't be reached; a trigger is repeated under one run id, so that
a lost reply can't start a second run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from kubejobs.cli.api_problems import describe
from kubejobs.cli.credentials import Credentials
from kubejobs.errors import AirflowApiError

DAG_ID = "kubejobs"

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 3.0
_PASSING_STATUSES = frozenset({500, 502, 503, 504})


class AirflowApi:
    """Airflow at `url` for one user; every method raises AirflowApiError with the status and what the server said.

    A failing or silent server is asked again, with growing pauses, for `patience_seconds`.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        patience_seconds: float = 20.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/")
        self._credentials = credentials
        self._token = credentials.token
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._monotonic = monotonic
        # The environment's proxies are for the outside; a proxy can't reach the loopback address of a demo.
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT, transport=transport, trust_env=not _local(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def dag(self, dag_id: str = DAG_ID) -> dict[str, Any]:
        """The DAG's record; where it is missing, the message has the import errors that explain it."""
        try:
            return self._read(f"/api/v2/dags/{_quoted(dag_id)}")
        except AirflowApiError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            raise AirflowApiError(self._why_missing(dag_id), status=error.status) from error

    def unpause(self, dag_id: str = DAG_ID) -> None:
        """Let the DAG's runs start."""
        self._call("PATCH", f"/api/v2/dags/{_quoted(dag_id)}", {"is_paused": False})

    def import_errors(self) -> dict[str, str]:
        """The DAG files that can't be imported: file name → the error."""
        answer = self._read("/api/v2/importErrors")
        return {entry["filename"]: entry["stack_trace"] for entry in answer["import_errors"]}

    def trigger(self, conf: dict[str, Any], run_id: str, dag_id: str = DAG_ID, *, note: str | None = None) -> str:
        """Start a run with `conf`; its id. A DAG that is paused is an error, as its run would wait for ever.

        Airflow shows the `note` beside the run.
        """
        record = self.dag(dag_id)
        if record.get("is_paused"):
            raise AirflowApiError(f"the DAG {dag_id!r} is paused: unpause it in the Airflow UI, then submit again")
        if record.get("has_import_errors"):
            raise AirflowApiError(self._why_missing(dag_id))
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf} | ({"note": note} if note else {})
        try:
            return str(self._call("POST", f"{_runs(dag_id)}", body)["dag_run_id"])
        except _RepeatedConflictError:
            return run_id

    def run(self, run_id: str, dag_id: str = DAG_ID) -> dict[str, Any]:
        """The run's record: `state`, `start_date`, `end_date`, `conf` and more."""
        return self._read(f"{_runs(dag_id)}/{_quoted(run_id)}")

    def task_instances(self, run_id: str, dag_id: str = DAG_ID) -> list[dict[str, Any]]:
        """The run's tasks, each with `task_id`, `state` and `try_number`."""
        answer = self._read(f"{_runs(dag_id)}/{_quoted(run_id)}/taskInstances")
        return list(answer["task_instances"])

    def xcom(self, run_id: str, task_id: str, key: str, dag_id: str = DAG_ID) -> Any:
        """What a task has published under `key`; None where there is nothing (yet)."""
        path = f"{_runs(dag_id)}/{_quoted(run_id)}/taskInstances/{_quoted(task_id)}/xcomEntries/{_quoted(key)}"
        try:
            value = self._read(path).get("value")
        except AirflowApiError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return _plain(value)

    def task_log(self, run_id: str, task_id: str, try_number: int, dag_id: str = DAG_ID) -> list[str]:
        """The lines of one try's log, without timestamps."""
        path = f"{_runs(dag_id)}/{_quoted(run_id)}/taskInstances/{_quoted(task_id)}/logs/{max(try_number, 1)}"
        content = self._read(f"{path}?full_content=true").get("content") or []
        entries = content.splitlines() if isinstance(content, str) else content
        return [line for entry in entries for line in _log_lines(entry)]

    def run_page(self, run_id: str, dag_id: str = DAG_ID) -> str:
        """The address of the run's page in the Airflow UI."""
        return f"{self.url}/dags/{_quoted(dag_id)}/runs/{_quoted(run_id)}"

    def _why_missing(self, dag_id: str) -> str:
        errors = self.import_errors()
        if not errors:
            return f"Airflow has no DAG {dag_id!r}: is its file in the dags folder, and the dag-processor running?"
        shown = "\n".join(f"{name}:\n{trace.strip()}" for name, trace in sorted(errors.items()))
        return f"the DAG {dag_id!r} can't be used; Airflow can't import:\n{shown}"

    def _read(self, path: str) -> dict[str, Any]:
        return self._call("GET", path, None)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """One request: signed in, repeated while the server fails for a moment, its answer's JSON."""
        response, repeated = self._send_patiently(method, path, body)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._credentials.renewable:
            self._token = None
            response, repeated = self._send_patiently(method, path, body)
        if response.status_code == httpx.codes.CONFLICT and repeated:
            raise _RepeatedConflictError(describe(method, path, response), status=response.status_code)
        if response.is_error:
            raise AirflowApiError(describe(method, path, response), status=response.status_code)
        return _json_object(method, path, response)

    def _send_patiently(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[httpx.Response, bool]:
        """The answer, and whether it took more than one attempt."""
        give_up_at = self._monotonic() + self._patience_seconds
        pause, repeated = _FIRST_PAUSE_SECONDS, False
        while True:
            failure: httpx.TransportError | None = None
            try:
                response = self._send(method, path, body)
                if response.status_code not in _PASSING_STATUSES:
                    return response, repeated
            except httpx.TransportError as error:
                failure = error
            if self._monotonic() + pause > give_up_at:
                if failure is None:
                    return response, repeated
                message = f"Airflow at {self.url} does not answer ({failure}): is it running, and is the URL right?"
                raise AirflowApiError(message) from failure
            self._sleep(pause)
            pause, repeated = min(pause * 2, _LONGEST_PAUSE_SECONDS), True

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        if self._token is None:
            self._token = self._sign_in()
        return self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {self._token}"})

    def _sign_in(self) -> str:
        login = {"username": self._credentials.user, "password": self._credentials.password}
        response = self._http.post("/auth/token", json=login)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            message = (
                f"Airflow at {self.url} refuses user {self._credentials.user!r}: the user or the password is wrong"
            )
            raise AirflowApiError(message, status=response.status_code)
        if response.is_error:
            raise AirflowApiError(describe("POST", "/auth/token", response), status=response.status_code)
        return str(_json_object("POST", "/auth/token", response)["access_token"])


class _RepeatedConflictError(AirflowApiError):
    """409 after a repeated request: the first attempt had arrived, only its reply was lost."""


def _runs(dag_id: str) -> str:
    return f"/api/v2/dags/{_quoted(dag_id)}/dagRuns"


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _local(url: str) -> bool:
    return httpx.URL(url).host in {"127.0.0.1", "localhost", "::1"}


def _json_object(method: str, path: str, response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        message = f"{method} {path} was answered by something that is not Airflow's API: is the URL right?"
        raise AirflowApiError(message, status=response.status_code) from error
    if not isinstance(answer, dict):
        raise AirflowApiError(f"{method} {path}: a JSON object was expected", status=response.status_code)
    return answer


def _plain(value: Any) -> Any:
    """XComs come as JSON values or as JSON text, depending on who wrote them."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _log_lines(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [str(entry)]
    failures = entry.get("error_detail") or []
    return [str(entry.get("event", "")), *(f"{each.get('exc_type')}: {each.get('exc_value')}" for each in failures)]
