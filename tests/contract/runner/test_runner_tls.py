"""A queue that is reached by TLS."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import wait_until

from .conftest import Runner


def write_certificate(folder: Path) -> Path:
    """A certificate for loopback that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "queue")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "queue.pem"
    encoding, key_format = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(
        key.private_bytes(encoding, key_format, serialization.NoEncryption()) + certificate.public_bytes(encoding)
    )
    return file


class Relay(socketserver.BaseRequestHandler):
    """Passes one connection on to the queue's server, without its TLS."""

    def handle(self) -> None:
        """Two threads, one a direction."""
        server = self.server
        assert isinstance(server, RelayServer)
        try:
            client = server.context.wrap_socket(self.request, server_side=True)
        except OSError:
            return
        with client, socket.create_connection(server.target) as queue:
            answers = threading.Thread(target=self._copy, args=(queue, client), daemon=True)
            answers.start()
            self._copy(client, queue)
            queue.shutdown(socket.SHUT_RDWR)
            answers.join()

    @staticmethod
    def _copy(source, target) -> None:
        try:
            while data := source.recv(65_536):
                target.sendall(data)
        except OSError:
            return


class RelayServer(socketserver.ThreadingTCPServer):
    """Terminates TLS before a server that has none."""

    daemon_threads = True

    def __init__(self, certificate: Path, target: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Relay)
        self.target = target
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's certificate."""
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def relay(certificate: Path, address: QueueAddress) -> Iterator[int]:
    """The port by which the queue is reached by TLS."""
    with RelayServer(certificate, (address.host, address.port)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_queue_with_tls_is_worked_off(
    runner: Runner, queue: WorkQueue, address: QueueAddress, relay: int, certificate: Path
) -> None:
    """With an authority that the system trusts."""
    queue.fill(map(str, range(5)))
    code, _, errors = runner.run(
        address, "--", "true", REDIS_PORT=relay, REDIS_TLS="true", SSL_CERT_FILE=certificate, KUBEJOBS_LEASE_SECONDS=1
    )
    assert code == 0, errors
    assert queue.snapshot().counts == Counts(done=5)


def test_a_server_that_nobody_vouches_for_gets_no_password(
    runner: Runner, queue: WorkQueue, address: QueueAddress, relay: int
) -> None:
    """Its certificate is refused; the runner waits for a better one and says why."""
    queue.fill(["a"])
    said: list[str] = []
    with runner.start(address, "--", "true", REDIS_PORT=relay, REDIS_TLS="true") as process:
        assert process.stderr is not None
        reader = threading.Thread(target=lambda: said.append(process.stderr.readline()))
        reader.start()
        wait_until(lambda: said, "the runner says what it waits for")
        reader.join()
        assert process.poll() is None
    assert "certificate" in said[0]
    assert queue.snapshot().counts == Counts(queued=1)
