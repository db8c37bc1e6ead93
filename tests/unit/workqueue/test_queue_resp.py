"""The protocol over one connection: what is sent, what is understood, and what is no reply."""

import socket
import threading
from collections.abc import Iterator

import pytest

from kubejobs.workqueue import resp
from kubejobs.workqueue.resp import Connection, ReplyError, encoded

Pair = tuple[Connection, socket.socket]
ASK = b"*1\r\n$4\r\nPING\r\n"


def text(value: bytes) -> bytes:
    """A text as a server sends it."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def many(*replies: bytes) -> bytes:
    """A list of replies."""
    return b"*%d\r\n%b" % (len(replies), b"".join(replies))


ITEMS = [b"item %d" % number for number in range(100)]
ODD = [*ITEMS, b"line\r\nbreak", b"$7\r\nitem 7\r\n", b""]
MIX = [b"OK", 1, None, [b"x", []]]
LARGE = [bytes([number]) * 5000 for number in range(40)]
REPLIES = [
    pytest.param(b"+OK\r\n", b"OK", id="status"),
    pytest.param(b":12\r\n", 12, id="number"),
    pytest.param(b":-3\r\n", -3, id="negative"),
    pytest.param(text(b"a b"), b"a b", id="text"),
    pytest.param(text(b""), b"", id="empty text"),
    pytest.param(text(b"a\r\nb"), b"a\r\nb", id="line break"),
    pytest.param(text(bytes(range(256))), bytes(range(256)), id="every byte"),
    pytest.param(b"$-1\r\n", None, id="null"),
    pytest.param(b"*-1\r\n", None, id="null list"),
    pytest.param(b"*0\r\n", [], id="empty list"),
    pytest.param(many(b"+OK\r\n", b":1\r\n", b"$-1\r\n", many(text(b"x"), many())), MIX, id="mixed"),
    pytest.param(many(text(b"a"), many(*map(text, ITEMS)), text(b"z")), [b"a", ITEMS, b"z"], id="many texts within"),
    pytest.param(many(*map(text, ODD)), ODD, id="odd texts"),
    pytest.param(many(*map(text, ITEMS), b"$-1\r\n", b":5\r\n"), [*ITEMS, None, 5], id="many kinds"),
    pytest.param(many(*map(text, LARGE)), LARGE, id="larger than the buffer"),
]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection, and the server's end of it."""
    mine, theirs = socket.socketpair()
    with theirs:
        connection = Connection(mine, 20.0)
        yield connection, theirs
        connection.close()


def sending(theirs: socket.socket, pieces: list[bytes]) -> threading.Thread:
    """A thread that sends these, one by one."""

    def send() -> None:
        for piece in pieces:
            theirs.sendall(piece)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize(("reply", "value"), REPLIES)
def test_replies_are_understood(pair: Pair, reply: bytes, value: object) -> None:
    """Twice in a row: nothing of a reply is left behind, and nothing of the next is taken."""
    connection, theirs = pair
    thread = sending(theirs, [reply + reply[:1], reply[1:]])
    assert connection.exchange(ASK) == value
    assert connection.exchange(ASK) == value
    thread.join()
    assert theirs.recv(1000) == ASK + ASK


@pytest.mark.parametrize(("reply", "value"), REPLIES[:-1])
def test_replies_may_come_in_pieces(pair: Pair, reply: bytes, value: object) -> None:
    """Cut at any byte, they are put together again."""
    connection, theirs = pair
    thread = sending(theirs, [reply[at : at + 1] for at in range(len(reply))])
    assert connection.exchange(ASK) == value
    thread.join()


def test_a_reply_that_is_cut_is_no_reply() -> None:
    """Wherever the connection ends: a shorter number or a shorter list would be taken for an answer."""
    reply = many(b"+OK\r\n", text(b"12345"), many(*map(text, ITEMS[:17])), b":123\r\n")
    for length in range(len(reply)):
        mine, theirs = socket.socketpair()
        connection = Connection(mine, 20.0)
        with theirs:
            theirs.sendall(reply[:length])
            theirs.shutdown(socket.SHUT_WR)
            with pytest.raises(ConnectionError, match="in the middle of a reply"):
                connection.exchange(ASK)
        connection.close()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n", id="another protocol"),
        pytest.param(b"$abc\r\n", id="size"),
        pytest.param(b"*\r\n", id="no size"),
        pytest.param(b":1.5\r\n", id="number"),
        pytest.param(b"\r\n", id="empty line"),
        pytest.param(many(b"$x\r\n"), id="size in a list"),
        pytest.param(b"%1\r\n+a\r\n+b\r\n", id="version 3"),
    ],
)
def test_what_is_no_reply_is_said(pair: Pair, reply: bytes) -> None:
    """A program of another kind may listen on the port."""
    connection, theirs = pair
    theirs.sendall(reply)
    with pytest.raises(ConnectionError, match="not of Redis' protocol"):
        connection.exchange(ASK)


@pytest.mark.parametrize("reply", [b"-ERR no\r\n", many(b"+OK\r\n", b"-ERR no\r\n"), many(*[b"-ERR no\r\n"] * 20)])
def test_errors_are_raised(pair: Pair, reply: bytes) -> None:
    """Also one within a list."""
    connection, theirs = pair
    theirs.sendall(reply)
    with pytest.raises(ReplyError, match=r"^ERR no$"):
        connection.exchange(ASK)


def test_a_reply_that_does_not_come_is_late() -> None:
    """The call ends after its time."""
    mine, theirs = socket.socketpair()
    connection = Connection(mine, 0.02)
    with theirs, pytest.raises(TimeoutError):
        connection.exchange(ASK)
    connection.close()


def test_a_reply_that_comes_too_slowly_is_late(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of it in time does not make the whole so."""
    connection, theirs = pair
    now = iter((0.0, 15.0, 30.0))
    monkeypatch.setattr(resp.time, "monotonic", lambda: next(now))
    theirs.sendall(b"$5\r\n12")
    with pytest.raises(TimeoutError, match="in the middle"):
        connection.exchange(ASK)


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        pytest.param(("GET", "a b"), [b"GET", b"a b"], id="text"),
        pytest.param(("X", "", 0, -12), [b"X", b"", b"0", b"-12"], id="empty and numbers"),
        pytest.param(("X", "ü → 漢"), [b"X", "ü → 漢".encode()], id="letters"),
        pytest.param(("X", b"caf\xe9".decode("utf-8", "surrogateescape")), [b"X", b"caf\xe9"], id="not UTF-8"),
        pytest.param(("X", "a\r\nb\0"), [b"X", b"a\r\nb\0"], id="line break"),
        pytest.param(("X", "y" * 100_000), [b"X", b"y" * 100_000], id="long"),
    ],
)
def test_commands_are_sent_to_the_byte(words: tuple[str | int, ...], sent: list[bytes]) -> None:
    """Every word with its length in bytes."""
    assert encoded(words) == many(*map(text, sent))


def test_half_a_surrogate_pair_is_no_text() -> None:
    """It is refused before anything is sent."""
    with pytest.raises(UnicodeEncodeError):
        encoded(("X", "\ud800"))
