"""Reading over http from a real server on loopback: redirects, addresses, answers that are no workload."""

from __future__ import annotations

import gzip
import socket
from http.server import BaseHTTPRequestHandler

import pytest

from kubejobs.errors import WorkloadError
from kubejobs.submission.model import Workload
from kubejobs.submission.workload import open_workload
from kubejobs.submission.workload_http import Resolve
from kubejobs.submission.workload_policy import WorkloadPolicy
from support.web import WebServer, send

OPEN = WorkloadPolicy(allow_private=True, max_seconds=20)


def read(url: str, policy: WorkloadPolicy = OPEN, resolve: Resolve | None = None) -> list[str]:
    """Every item at `url`."""
    workload = Workload(url=url)
    return list(open_workload(workload, policy, resolve=resolve) if resolve else open_workload(workload, policy))


def redirect_to(location: str) -> object:
    """A route that redirects."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, b"", 302, Location=location)

    return answer


def test_a_plain_file_is_read(web: WebServer) -> None:
    """The lines of the body are the items."""
    web.routes["/items.txt"] = b"a\nb\n"
    assert read(web.url("/items.txt")) == ["a", "b"]


def test_gzip_is_read_by_content_or_encoding(web: WebServer) -> None:
    """A .gz file and an answer that the server compressed are both unpacked."""
    web.routes["/file"] = gzip.compress(b"a\n")
    web.routes["/encoded"] = lambda request: send(request, gzip.compress(b"b\n"), Content_Encoding="gzip")
    assert read(web.url("/file")) + read(web.url("/encoded")) == ["a", "b"]


def test_the_judged_address_is_connected_to_with_the_urls_host(web: WebServer) -> None:
    """The host is resolved once; the connection goes to that address while the server still sees the URL's host."""
    asked: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    web.routes["/x"] = b"a\n"
    assert read(web.url("/x", host="items.example.com"), resolve=resolve) == ["a"]
    assert asked == ["items.example.com"]
    assert web.requests[0]["Host"] == f"items.example.com:{web.port}"


SPELLINGS = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("host", SPELLINGS)
def test_loopback_is_refused_however_it_is_spelt(web: WebServer, host: str) -> None:
    """Names, decimal, octal and mapped forms of a refused address are refused, and nothing is sent to it."""
    with pytest.raises(WorkloadError, match=r"does not read from|is no valid URL"):
        read(web.url("/x", host=host), WorkloadPolicy())
    assert web.requests == []


def test_one_refused_address_of_a_host_refuses_it(web: WebServer) -> None:
    """A host that resolves to a public and a private address is refused."""
    with pytest.raises(WorkloadError, match="private address 10"):
        read(web.url("/x", host="h"), WorkloadPolicy(), resolve=lambda *_: ["8.8.8.8", "10.0.0.1"])


class OnlyLoopback(WorkloadPolicy):
    """Allows the test's server and nothing else that is private."""

    def refusal(self, address: object) -> str | None:
        """Loopback is fine."""
        return None if str(address) == "127.0.0.1" else super().refusal(address)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://169.254.169.254/latest/meta-data", "link-local address"),
        ("http://[::1]/x", "loopback address"),
        ("//10.0.0.1/x", "private address"),
        ("file:///etc/passwd", "redirects to file://"),
        ("ftp://host/x", "redirects to ftp://"),
    ],
)
def test_a_redirect_is_judged_again(web: WebServer, location: str, words: str) -> None:
    """A redirect to an address or protocol that is not allowed is refused."""
    web.routes["/x"] = redirect_to(location)  # type: ignore[assignment]
    with pytest.raises(WorkloadError, match=words):
        read(web.url("/x"), OnlyLoopback())


def test_redirects_are_followed_five_times(web: WebServer) -> None:
    """Five redirects are followed, relative ones too; a sixth is not."""
    for step in range(6):
        web.routes[f"/{step}"] = redirect_to(f"/{step + 1}")  # type: ignore[assignment]
    web.routes["/6"] = b"a\n"
    assert read(web.url("/1")) == ["a"]
    with pytest.raises(WorkloadError, match="redirects more than 5 times"):
        read(web.url("/0"))


def test_credentials_do_not_follow_a_redirect_to_another_host(web: WebServer) -> None:
    """User and password of the URL are for its own host only, and stay on it."""
    web.routes["/x"] = redirect_to(f"http://other.example.com:{web.port}/y")  # type: ignore[assignment]
    web.routes["/y"] = b"a\n"
    url = f"http://user:pw@first.example.com:{web.port}/x"
    assert read(url, resolve=lambda *_: ["127.0.0.1"]) == ["a"]
    assert "Authorization" in web.requests[0]
    assert "Authorization" not in web.requests[1]


def test_an_answer_other_than_200_is_refused(web: WebServer) -> None:
    """Missing files and server errors are clear, without the URL's query."""
    with pytest.raises(WorkloadError, match=r"/missing answers 404 Not Found") as caught:
        read(web.url("/missing?sig=secret"))
    assert "secret" not in str(caught.value)


def test_an_html_answer_is_refused_by_its_type(web: WebServer) -> None:
    """A login page with status 200 is no workload."""
    web.routes["/x"] = lambda request: send(request, b"please log in", Content_Type="text/html; charset=utf-8")
    with pytest.raises(WorkloadError, match="is an HTML page"):
        read(web.url("/x"))


def test_an_unknown_encoding_is_refused(web: WebServer) -> None:
    """What can't be unpacked is not taken for items."""
    web.routes["/x"] = lambda request: send(request, b"\x01\x02", Content_Encoding="br")
    with pytest.raises(WorkloadError, match="only gzip is understood"):
        read(web.url("/x"))


def test_an_empty_file_is_refused_at_once(web: WebServer) -> None:
    """Opening fails when there is no item, so nothing is made for the run."""
    web.routes["/x"] = b"\n\n"
    with pytest.raises(WorkloadError, match="holds no items"):
        open_workload(Workload(url=web.url("/x")), OPEN)


def test_a_cut_answer_is_refused(web: WebServer) -> None:
    """A connection that ends before the announced length is an error, not a shorter list."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"a\nb\n")
        request.close_connection = True

    web.routes["/x"] = answer
    with pytest.raises(WorkloadError, match="can't be read"):
        read(web.url("/x"))


def test_a_silent_server_is_given_up(web: WebServer) -> None:
    """A server that stops in the middle is given up after the time limit."""
    gone = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"a")
        request.wfile.flush()
        gone.append(request.connection.recv(1))  # returns when the reader hangs up

    web.routes["/x"] = answer
    with pytest.raises(WorkloadError, match=r"does not answer in time|was not read within"):
        read(web.url("/x"), WorkloadPolicy(allow_private=True, max_seconds=0.2))


def test_a_dripping_server_is_given_up(web: WebServer) -> None:
    """A server that sends a little all the time is given up after the time limit too."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.connection.settimeout(0.02)
        try:
            while True:
                request.wfile.write(b"a")
                request.wfile.flush()
                try:
                    if not request.connection.recv(1):
                        return
                except TimeoutError:
                    continue
        except OSError:
            return

    web.routes["/x"] = answer
    with pytest.raises(WorkloadError, match="was not read within"):
        read(web.url("/x"), WorkloadPolicy(allow_private=True, max_seconds=0.3))


def test_no_server_is_a_clear_failure() -> None:
    """A refused connection says what to check."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(WorkloadError, match="no connection to the workload's server"):
            read(f"http://127.0.0.1:{unused.getsockname()[1]}/x")


def test_an_unknown_host_is_a_clear_failure() -> None:
    """A host that DNS does not know says so."""

    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(f"{host}:{port}")

    with pytest.raises(WorkloadError, match="can't be found in DNS"):
        read("https://nowhere.example.com/x", resolve=resolve)


def test_closing_stops_reading(web: WebServer) -> None:
    """Closing the items early ends the connection."""
    hung_up = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"item\n" * 10_000)
        except OSError:
            hung_up.append(True)

    web.routes["/x"] = answer
    items = open_workload(Workload(url=web.url("/x")), OPEN)
    assert next(items) == "item"
    assert next(items) == "item"
    items.close()
    assert list(items) == []
