"""Certificate, token and kubeconfig of one cluster, made anew at each start.

Rule: the key and the kubeconfig are readable by their owner only, from the first byte on.
"""

from __future__ import annotations

import base64
import os
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localkube.settings import NODE_ADDRESS

_VALID_DAYS = 365
_NAME = "localkube"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the server shows and what clients must show."""

    certificate: str
    token: str
    context: ssl.SSLContext


def make_credentials(directory: Path) -> Credentials:
    """A fresh key, a self-signed certificate for loopback, and a token."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(NODE_ADDRESS)), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate_file, key_file = directory / "tls.crt", directory / "tls.key"
    certificate_file.write_bytes(text)
    write_private(key_file, private.decode())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_file, key_file)
    key_file.unlink()  # loaded; nobody else needs it
    return Credentials(text.decode(), secrets.token_urlsafe(32), context)


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing what was there in one step."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    temporary.rename(path)


def write_kubeconfig(path: Path, credentials: Credentials, port: int) -> None:
    """Write the file by which clients find the cluster."""
    authority = base64.b64encode(credentials.certificate.encode()).decode()
    server = f"https://{NODE_ADDRESS}:{port}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": _NAME,
        "clusters": [{"name": _NAME, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": _NAME, "user": {"token": credentials.token}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME, "namespace": "default"}}],
    }
    write_private(path, yaml.safe_dump(config, sort_keys=False))
