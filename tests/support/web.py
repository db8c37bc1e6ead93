"""An HTTP server on loopback that answers as a test tells it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class WebServer:
    """Answers each path with what `routes` holds for it: a body, or a function that writes the whole answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.routes: dict[str, bytes | Answer] = {}
        self.requests: list[dict[str, str]] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The URL of a path on this server, by any of its names."""
        return f"http://{host}:{self.port}{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one GET."""
        self.requests.append(dict(request.headers.items()))
        route = self.routes.get(request.path)
        if route is None:
            request.send_error(404)
        elif isinstance(route, bytes):
            send(request, route)
        else:
            route(request)


def send(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """A whole answer; header names are given with underscores."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """A web server on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        site = WebServer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
