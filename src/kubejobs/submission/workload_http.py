"""A workload's bytes over http(s), only from addresses that the policy allows.

Rule: each host is resolved once, every address of it is judged, and the connection goes to the very address that was
judged, so DNS can't change its answer in between; each redirect is judged the same way. Proxies of the environment are
not used: they would resolve for themselves.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import httpx

from kubejobs.errors import WorkloadError
from kubejobs.submission.workload_policy import HTTP_SCHEMES, WorkloadPolicy, shown_url

MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})
_HTML = ("text/html", "application/xhtml+xml")

Resolve = Callable[[str, int], list[str]]


def resolve_host(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives for a host; numeric hosts of any spelling are normalised too."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def read_http(url: str, policy: WorkloadPolicy, resolve: Resolve = resolve_host) -> Iterator[bytes]:
    """The body at `url` in chunks, as the server sent it; a WorkloadError for whatever is not a plain file there."""
    with _worded_errors(url), _client(policy) as client:
        response = _follow(client, url, policy, resolve)
        try:
            _check_response(response, url)
            yield from response.iter_raw()  # as it arrives: a chunk size would wait for a slow server to fill it
        finally:
            response.close()


def _client(policy: WorkloadPolicy) -> httpx.Client:
    timeout = httpx.Timeout(min(READ_SECONDS, policy.max_seconds), connect=min(CONNECT_SECONDS, policy.max_seconds))
    no_reuse = httpx.Limits(max_keepalive_connections=0)  # another host on the same address needs its own TLS handshake
    return httpx.Client(timeout=timeout, limits=no_reuse, trust_env=False, verify=tls_context())


@cache
def tls_context() -> ssl.SSLContext:
    """What servers are checked against: the usual authorities, or those that SSL_CERT_FILE or SSL_CERT_DIR name."""
    return httpx.create_ssl_context()


@contextmanager
def _worded_errors(url: str) -> Iterator[None]:
    place = shown_url(url)
    try:
        yield
    except httpx.TimeoutException as error:
        raise WorkloadError(
            f"the workload's server at {place} does not answer in time; check it and try again"
        ) from error
    except httpx.HTTPError as error:
        raise WorkloadError(
            f"the workload at {place} can't be read: {error or type(error).__name__}; try again"
        ) from error
    except (httpx.InvalidURL, ValueError) as error:
        raise WorkloadError(f"the workload {place} is no valid URL: {error}") from error


def _follow(client: httpx.Client, url: str, policy: WorkloadPolicy, resolve: Resolve) -> httpx.Response:
    """The first response that is no redirect, open for streaming."""
    target = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        response = _get(client, target, policy, resolve)
        if not response.has_redirect_location:
            return response
        response.close()
        target = target.join(response.headers["location"])
        if target.scheme not in HTTP_SCHEMES:
            raise WorkloadError(
                f"the workload at {shown_url(url)} redirects to {target.scheme}://; only http(s) is followed"
            )
    raise WorkloadError(
        f"the workload at {shown_url(url)} redirects more than {MAX_REDIRECTS} times; give the final URL"
    )


def _get(client: httpx.Client, url: httpx.URL, policy: WorkloadPolicy, resolve: Resolve) -> httpx.Response:
    """The response from the first address of the host that accepts a connection, all of them being allowed."""
    if not url.host:
        raise WorkloadError(
            f"the workload {shown_url(str(url))} names no host; give a URL such as https://host/items.txt"
        )
    refused: httpx.ConnectError | httpx.ConnectTimeout | None = None
    for address in _addresses(url, policy, resolve):
        request = client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode(), "Accept-Encoding": "identity"},
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        try:
            return client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            refused = error
    raise WorkloadError(
        f"no connection to the workload's server at {shown_url(str(url))} ({refused}); check the URL and that it is up"
    ) from refused


def _addresses(url: httpx.URL, policy: WorkloadPolicy, resolve: Resolve) -> list[str]:
    try:
        addresses = resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
    except (OSError, UnicodeError) as error:
        raise WorkloadError(f"the workload's host {url.host[:255]} can't be found in DNS; check the URL") from error
    for address in addresses:
        policy.check_address(address, url.host)
    return addresses


def _check_response(response: httpx.Response, url: str) -> None:
    place = shown_url(url)
    if response.status_code != httpx.codes.OK:
        raise WorkloadError(
            f"the workload at {place} answers {response.status_code} {response.reason_phrase}; it must answer 200: "
            "check that the file is there and may be read without a login"
        )
    kind = response.headers.get("content-type", "").lower()
    if kind.startswith(_HTML):
        raise WorkloadError(
            f"the workload at {place} is an HTML page ({kind[:40]}), not a list of items; check its URL"
        )
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise WorkloadError(f"the workload at {place} comes encoded as {encoding[:40]!r}; only gzip is understood")
