"""The REST client against a scripted server."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from kubejobs.cli.airflow_api import AirflowApi
from kubejobs.cli.credentials import Credentials
from kubejobs.errors import AirflowApiError, ConfigurationError

Handler = Callable[[httpx.Request], httpx.Response]
USER = Credentials(user="ann", password="secret-word")


class Server:
    """Signs in `ann` with a fresh token each time, and leaves every other request to a list of answers."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.tokens = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path == "/auth/token":
            if json.loads(request.content)["password"] != USER.password:
                return httpx.Response(401, json={"detail": "Invalid credentials"})
            self.tokens += 1
            return httpx.Response(201, json={"access_token": f"token-{self.tokens}"})
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def client(server: Handler, credentials: Credentials = USER, patience_seconds: float = 10.0) -> AirflowApi:
    """A client whose pauses take no time but are counted."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return AirflowApi(
        "http://airflow.example/",
        credentials,
        patience_seconds=patience_seconds,
        transport=httpx.MockTransport(server),
        sleep=sleep,
        monotonic=lambda: now[0],
    )


def ok(body: object) -> httpx.Response:
    """A good answer."""
    return httpx.Response(200, json=body)


def test_a_read_is_repeated_while_the_server_fails() -> None:
    """A 500 and a refused connection pass; the third answer counts."""
    server = Server(httpx.Response(500, text="x"), httpx.ConnectError("refused"), ok({"state": "running"}))
    assert client(server).run("r")["state"] == "running"
    assert server.requests[-1].headers["Authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(httpx.Response(500, json={"detail": "database is locked"}), "500(.|\n)*locked", id="failing"),
        pytest.param(httpx.ConnectError("refused"), "does not answer .refused.: is it running", id="silent"),
    ],
)
def test_patience_ends(answer: httpx.Response | Exception, message: str) -> None:
    """A server that goes on failing is an error with what it said last."""
    with pytest.raises(AirflowApiError, match=message):
        client(Server(*[answer] * 50)).run("r")


def test_an_expired_token_is_replaced_once() -> None:
    """After 401 the client signs in again; a second 401 is an error."""
    server = Server(httpx.Response(401), ok({"state": "success"}))
    assert client(server).run("r")["state"] == "success"
    assert server.requests[-1].headers["Authorization"] == "Bearer token-2"
    with pytest.raises(AirflowApiError, match="401"):
        client(Server(httpx.Response(401), httpx.Response(401))).run("r")


def test_a_given_token_is_not_renewed() -> None:
    """With a token alone there is nobody to sign in as."""
    server = Server(httpx.Response(401))
    with pytest.raises(AirflowApiError, match="token is missing, wrong or has expired"):
        client(server, Credentials(token="t")).run("r")
    assert server.tokens == 0


def test_a_wrong_password_is_said_without_it() -> None:
    """The message has the user and not the password."""
    with pytest.raises(AirflowApiError, match="'ann': the user or the password is wrong") as caught:
        client(Server(), Credentials(user="ann", password="other-word")).run("r")
    assert "other-word" not in str(caught.value)
    assert caught.value.status == 401


def test_something_else_than_airflow_is_recognised() -> None:
    """A page where JSON was expected means that the URL is wrong."""
    with pytest.raises(AirflowApiError, match="is the URL right"):
        client(Server(httpx.Response(200, text="<html>"))).run("r")


def test_a_trigger_has_the_run_id_and_the_conf() -> None:
    """The DAG is looked at first; the request has what the API requires."""
    server = Server(ok({"is_paused": False}), ok({"dag_run_id": "r"}))
    assert client(server).trigger({"image": "x"}, "r") == "r"
    assert json.loads(server.requests[-1].content) == {"dag_run_id": "r", "logical_date": None, "conf": {"image": "x"}}


def test_a_trigger_whose_reply_was_lost_is_found_again() -> None:
    """A conflict after a repetition means that the first attempt had arrived."""
    server = Server(ok({"is_paused": False}), httpx.ReadError("lost"), httpx.Response(409, json={"detail": "exists"}))
    assert client(server).trigger({}, "r") == "r"


def test_a_taken_run_id_is_an_error() -> None:
    """A conflict at the first attempt is somebody else's run."""
    with pytest.raises(AirflowApiError, match=r"409(.|\n)*exists"):
        client(Server(ok({"is_paused": False}), httpx.Response(409, json={"detail": "exists"}))).trigger({}, "r")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        pytest.param([ok({"is_paused": True})], "is paused: unpause it", id="paused"),
        pytest.param([httpx.Response(404), ok({"import_errors": []})], "no DAG 'kubejobs': is its file", id="missing"),
        pytest.param(
            [httpx.Response(404), ok({"import_errors": [{"filename": "kubejobs.py", "stack_trace": "No ink"}]})],
            "can't import:\nkubejobs.py:\nNo ink",
            id="missing by an import error",
        ),
        pytest.param(
            [
                ok({"is_paused": False, "has_import_errors": True}),
                ok({"import_errors": [{"filename": "kubejobs.py", "stack_trace": "No ink"}]}),
            ],
            "No ink",
            id="broken",
        ),
    ],
)
def test_an_unusable_dag_is_explained(answers: list[httpx.Response], message: str) -> None:
    """Nothing is triggered, and the message says what to do."""
    server = Server(*answers)
    with pytest.raises(AirflowApiError, match=message):
        client(server).trigger({}, "r")
    assert all(request.method == "GET" for request in server.requests)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param({"detail": "Invalid input: image"}, "- Invalid input: image", id="text"),
        pytest.param({"detail": [{"loc": ["body", "conf"], "msg": "too large"}]}, "- conf: too large", id="by place"),
        pytest.param(
            {"problems": [{"field": "image", "message": "is missing"}]}, "- image: is missing", id="the product's"
        ),
        pytest.param(
            {"detail": {"problems": [{"field": "image", "message": "is missing"}]}}, "- image: is missing", id="nested"
        ),
    ],
)
def test_refusals_are_listed_by_field(body: object, line: str) -> None:
    """Each form in which the server names problems becomes a line a problem."""
    with pytest.raises(AirflowApiError) as caught:
        client(Server(ok({"is_paused": False}), httpx.Response(422, json=body))).trigger({}, "r")
    assert str(caught.value).splitlines()[1].strip() == line


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        pytest.param(httpx.Response(404, json={"detail": "not found"}), None, id="absent"),
        pytest.param(ok({"value": {"done": 1}}), {"done": 1}, id="native"),
        pytest.param(ok({"value": '{"done": 1}'}), {"done": 1}, id="JSON text"),
        pytest.param(ok({"value": "plain"}), "plain", id="plain text"),
    ],
)
def test_xcoms_are_read_in_each_form(answer: httpx.Response, value: object) -> None:
    """An absent XCom is None; JSON text is decoded."""
    server = Server(answer)
    assert client(server).xcom("r/1", "control", "progress") == value
    assert b"/dagRuns/r%2F1/taskInstances/control/xcomEntries/progress" in server.requests[0].url.raw_path


def test_a_log_is_its_events_and_failures() -> None:
    """Structured entries give their text, and what was raised; plain ones are taken as they are."""
    detail = [{"exc_type": "ClusterError", "exc_value": "no room"}]
    content = ["plain", {"event": "starts"}, {"event": "failed", "error_detail": detail}]
    assert client(Server(ok({"content": content}))).task_log("r", "job", 1) == [
        "plain",
        "starts",
        "failed",
        "ClusterError: no room",
    ]


def test_credentials_are_needed_and_not_shown() -> None:
    """A user without a password is refused with the variables to set; secrets are in no repr."""
    with pytest.raises(ConfigurationError, match="KUBEJOBS_AIRFLOW_PASSWORD"):
        Credentials(user="ann")
    assert "secret-word" not in repr(Credentials(user="ann", password="secret-word", token="secret-word"))
