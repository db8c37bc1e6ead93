"""A server as workers reach it: connecting, credentials, what is sent how often, and what failures leave."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubejobs.errors import QueueError, QueueUnavailableError
from kubejobs.workqueue import resp
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.leasing import LeaseClient
from kubejobs.workqueue.resp import ReplyError
from kubejobs.workqueue.types import QueueAddress
from kubejobs.workqueue.wire import Wire

from .conftest import SILENCE, ScriptedServer

OK = b"+OK\r\n"
PASSWORD = "zz-password"
MakeWire = Callable[..., Wire]


@pytest.fixture
def wire(scripted: ScriptedServer) -> Iterator[MakeWire]:
    """Makes clients of the scripted server, by default with patience."""
    made: list[Wire] = []

    def make(**options: object) -> Wire:
        made.append(Wire("127.0.0.1", scripted.port, **({"call_seconds": 20.0} | options)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.mark.parametrize(
    ("options", "commands"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"password": "p"}, [[b"AUTH", b"p"]], id="password"),
        pytest.param({"username": "u", "password": "p"}, [[b"AUTH", b"u", b"p"]], id="user"),
        pytest.param({"username": "u"}, [[b"AUTH", b"u", b""]], id="user without password"),
        pytest.param({"password": "p", "database": 3}, [[b"AUTH", b"p"], [b"SELECT", b"3"]], id="database"),
    ],
)
def test_a_connection_begins_with_what_it_needs(
    scripted: ScriptedServer, wire: MakeWire, options: dict[str, object], commands: list[list[bytes]]
) -> None:
    """Credentials first, then the database; the next call uses the same connection."""
    scripted.scripts = [[OK] * (len(commands) + 2)]
    client = wire(**options)
    assert client.call("PING") == client.call("PING") == b"OK"
    assert scripted.commands == [[*commands, [b"PING"], [b"PING"]]]


def test_a_host_that_begins_with_a_slash_is_a_unix_socket() -> None:
    """As for the other clients."""
    with tempfile.TemporaryDirectory(prefix="kubejobs-") as folder:
        path = str(Path(folder, "q.sock"))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        server = ScriptedServer(listener)
        server.scripts = [[OK]]
        client = Wire(path)
        try:
            assert client.call("PING") == b"OK"
        finally:
            client.close()
            server.close()


def test_a_script_is_sent_only_to_a_server_that_does_not_know_it(scripted: ScriptedServer, wire: MakeWire) -> None:
    """By its name first; the text is the second command, and the connection is a new one."""
    scripted.scripts = [[b":1\r\n", b"-NOSCRIPT No matching script.\r\n"], [b":2\r\n"]]
    client = wire()
    assert [client.run("sha", "text", "job", "a", 5) for _ in range(2)] == [1, 2]
    by_name = [b"EVALSHA", b"sha", b"1", b"job", b"a", b"5"]
    assert scripted.commands == [[by_name, by_name], [[b"EVAL", b"text", b"1", b"job", b"a", b"5"]]]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"-ERR no\r\n", ReplyError, id="refused"),
        pytest.param(b"*2\r\n$5\r\nab", OSError, id="cut"),
        pytest.param(b"what?\r\n", OSError, id="no reply"),
    ],
)
def test_a_failure_ends_the_connection_and_repeats_nothing(
    scripted: ScriptedServer, wire: MakeWire, answer: bytes, error: type[Exception]
) -> None:
    """Whoever called decides what to do; the next call connects anew."""
    scripted.scripts = [[answer], [OK]]
    client = wire()
    with pytest.raises(error):
        client.run("sha", "text", "job")
    assert client.call("PING") == b"OK"
    assert scripted.commands == [[[b"EVALSHA", b"sha", b"1", b"job"]], [[b"PING"]]]


def test_a_late_reply_is_never_taken_for_the_next_one_s(scripted: ScriptedServer, wire: MakeWire) -> None:
    """The connection is given up with the call."""
    scripted.scripts = [[SILENCE], [OK]]
    client = wire(call_seconds=0.02)
    with pytest.raises(TimeoutError):
        client.call("GET", "a")
    client._call_seconds = 20.0
    assert client.call("PING") == b"OK"


def test_an_interrupted_call_leaves_no_reply_behind(scripted: ScriptedServer, wire: MakeWire) -> None:
    """A handler of the user's program may raise in the middle of it."""

    class InterruptedCallError(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptedCallError

    main = threading.get_ident()

    def answer() -> bytes:
        signal.pthread_kill(main, signal.SIGUSR1)
        return SILENCE

    scripted.scripts = [[answer], [OK]]
    client = wire()
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(InterruptedCallError):
            client.call("GET", "a")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert client.call("PING") == b"OK"
    assert len(scripted.commands) == 2


def test_a_connection_that_ended_while_idle_is_replaced(
    scripted: ScriptedServer, wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was restarted between two long items fails no call: nothing was sent on the old connection."""
    monkeypatch.setattr(resp, "_TRUSTED_SECONDS", -1.0)
    scripted.scripts = [[b":1\r\n"], [b":2\r\n", b":3\r\n"]]
    client = wire()
    assert client.call("PING") == 1
    for thread in scripted._threads[1:]:
        thread.join()
    assert [client.call("PING"), client.call("PING")] == [2, 3]


def test_threads_have_connections_of_their_own(scripted: ScriptedServer, wire: MakeWire) -> None:
    """A call in one thread does not wait for another's, nor take its reply."""
    asked, done = threading.Event(), threading.Event()

    def slow() -> bytes:
        asked.set()
        assert done.wait(20)
        return b":1\r\n"

    scripted.scripts = [[slow], [b":2\r\n"]]
    client = wire()
    replies: list[object] = []
    thread = threading.Thread(target=lambda: replies.append(client.call("GET", "a")))
    thread.start()
    assert asked.wait(20)
    assert client.call("GET", "b") == 2
    done.set()
    thread.join()
    assert replies == [1]


def test_a_forked_process_connects_anew(scripted: ScriptedServer, wire: MakeWire) -> None:
    """Two processes on one connection would take each other's replies."""
    scripted.scripts = [[b":1\r\n", b":2\r\n"], [b":3\r\n"]]
    client = wire()
    assert client.call("PING") == 1
    child = os.fork()
    if not child:
        try:
            os._exit(int(client.call("PING")))
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert client.call("PING") == 2


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        pytest.param(b"-WRONGPASS invalid\r\n", QueueError, "refuses the credentials", id="wrong"),
        pytest.param(
            b"-ERR unknown command 'AUTH', with args beginning with: 'zz-password'\r\n",
            QueueError,
            "refuses the credentials",
            id="echoed",
        ),
        pytest.param(b"-LOADING the data\r\n", QueueUnavailableError, "LOADING", id="loading"),
        pytest.param(b"-ERR max number of clients reached\r\n", QueueUnavailableError, "clients", id="full"),
        pytest.param(b"$12\r\nzz-pass", QueueUnavailableError, "in the middle", id="cut"),
    ],
)
def test_what_a_login_meets_is_told_without_the_password(
    scripted: ScriptedServer, answer: bytes, kind: type[QueueError], words: str
) -> None:
    """In the worker's words, and also in the errors behind them."""
    scripted.scripts = [[answer]]
    client = LeaseClient(QueueAddress("127.0.0.1", scripted.port, password=PASSWORD), "w")
    with pytest.raises(QueueError, match=words) as caught:
        client.turn()
    assert type(caught.value) is kind
    error: BaseException | None = caught.value
    while error is not None:
        assert PASSWORD not in str(error)
        error = error.__cause__ or error.__context__
    client.close()


def test_a_turn_whose_reply_is_cut_may_be_taken_again(scripted: ScriptedServer) -> None:
    """The queue is unavailable for a moment; the second turn has the same number."""
    reply = b"*6\r\n$2\r\nOK\r\n$4\r\nNONE\r\n$6\r\nLEASED\r\n$1\r\nl\r\n*1\r\n$3\r\na\xff!\r\n*0\r\n"
    scripted.scripts = [[reply[:-9]], [reply]]
    client = LeaseClient(QueueAddress("127.0.0.1", scripted.port), "w")
    with pytest.raises(QueueUnavailableError, match="in the middle"):
        client.turn()
    turn = client.turn()
    assert turn.items == ("a\udcff!",)
    first, second = (commands[0] for commands in scripted.commands)
    assert first == second
    client.close()


def test_items_of_other_bytes_are_appended_as_they_were(queue: WorkQueue, address: QueueAddress) -> None:
    """What a worker got from a foreign program it can put back; what is no text at all is refused."""
    queue.fill([], close=False)
    client = LeaseClient(address, "w")
    assert client.append(["caf\udce9", "漢"]) == 2
    with pytest.raises(QueueError, match="UTF-8"):
        client.append(["\ud800"])
    assert client.turn(take=2).items == ("caf\udce9", "漢")
    client.close()
