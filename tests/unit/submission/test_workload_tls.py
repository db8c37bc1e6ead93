"""https to a pinned address: the certificate is still checked against the URL's host."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubejobs.errors import WorkloadError
from kubejobs.submission import workload_http
from kubejobs.submission.workload_http import read_http
from kubejobs.submission.workload_policy import WorkloadPolicy
from support.web import WebServer, web_server

HOST = "items.example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for HOST and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
    builder = builder.not_valid_after(now + dt.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        key, hashes.SHA256()
    )
    folder = tmp_path_factory.mktemp("tls")
    files = (folder / "certificate.pem", folder / "key.pem")
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    return files


@pytest.fixture
def secure_web(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A web server with that certificate, which the reader trusts for its host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    monkeypatch.setattr(workload_http, "tls_context", lambda: trusting)
    with web_server(context) as server:
        server.routes["/x"] = b"a\n"
        yield server


def read(server: WebServer, host: str) -> bytes:
    """The body at /x of the server, called by the name `host`."""
    policy = WorkloadPolicy(allow_private=True)
    return b"".join(read_http(f"https://{host}:{server.port}/x", policy, lambda *_: ["127.0.0.1"]))


def test_the_right_host_is_read(secure_web: WebServer) -> None:
    """The certificate of the URL's host is accepted though the connection goes to a number."""
    assert read(secure_web, HOST) == b"a\n"
    assert secure_web.requests[0]["Host"] == f"{HOST}:{secure_web.port}"


def test_another_hosts_certificate_is_refused(secure_web: WebServer) -> None:
    """A certificate for another name ends the read before a request is sent."""
    with pytest.raises(WorkloadError, match="no connection to the workload's server"):
        read(secure_web, "other.example.com")
    assert secure_web.requests == []
