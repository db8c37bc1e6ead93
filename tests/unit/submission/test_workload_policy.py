"""What a workload may be read from."""

from __future__ import annotations

import ipaddress

import pytest

from kubejobs.errors import WorkloadError
from kubejobs.settings import Settings
from kubejobs.submission.workload_policy import WorkloadPolicy, check_source, shown_url

REFUSED = {
    "loopback": ("127.0.0.1", "loopback"),
    "loopback elsewhere in its net": ("127.8.8.8", "loopback"),
    "loopback v6": ("::1", "loopback"),
    "metadata service": ("169.254.169.254", "link-local"),
    "link-local v6": ("fe80::1", "link-local"),
    "private 10": ("10.1.2.3", "private"),
    "private 172": ("172.16.0.1", "private"),
    "private 192": ("192.168.1.1", "private"),
    "unique local v6": ("fd00::1", "private"),
    "carrier-grade NAT": ("100.64.0.1", "private"),
    "documentation": ("192.0.2.1", "private"),
    "reserved": ("240.0.0.1", "private"),
    "broadcast": ("255.255.255.255", "private"),
    "unspecified": ("0.0.0.0", "unspecified"),
    "unspecified v6": ("::", "unspecified"),
    "multicast": ("224.0.0.1", "multicast"),
    "multicast v6": ("ff02::1", "multicast"),
    "mapped loopback": ("::ffff:127.0.0.1", "loopback"),
    "mapped metadata service": ("::ffff:169.254.169.254", "link-local"),
    "compatible loopback": ("::127.0.0.1", "private"),
    "local NAT64": ("64:ff9b:1::1", "private"),
    "6to4 of a private address": ("2002:0a01:0203::1", "private"),
    "NAT64 of loopback": ("64:ff9b::7f00:1", "loopback"),
}


@pytest.mark.parametrize(("address", "reason"), REFUSED.values(), ids=REFUSED)
def test_inner_addresses_are_refused(address: str, reason: str) -> None:
    """Every address that is not the public internet's is refused with its kind."""
    assert WorkloadPolicy().refusal(ipaddress.ip_address(address)) == reason


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    """An address of the public internet is allowed."""
    assert WorkloadPolicy().refusal(ipaddress.ip_address(address)) is None


def test_private_addresses_may_be_allowed() -> None:
    """The setting allows inner addresses, but never multicast or unspecified ones."""
    policy = WorkloadPolicy(allow_private=True)
    refused = {name for name, (address, _) in REFUSED.items() if policy.refusal(ipaddress.ip_address(address))}
    assert refused == {"unspecified", "unspecified v6", "multicast", "multicast v6"}


def test_a_refusal_names_host_address_and_setting() -> None:
    """The message says which address was meant and what would allow it."""
    with pytest.raises(WorkloadError, match=r"intranet is the private address 10\.0\.0\.1.*ALLOW_PRIVATE=true"):
        WorkloadPolicy().check_address("10.0.0.1", "intranet")


FORBIDDEN_SOURCES = {
    "local file": ("file:///etc/passwd", "is a local file"),
    "bare path": ("/etc/passwd", "is a local file"),
    "fsspec's local": ("local:///etc/passwd", "is a local file"),
    "upper case": ("FILE:///etc/passwd", "is a local file"),
    "cached local file": ("simplecache::file:///etc/passwd", "chain of file systems"),
    "zipped local file": ("zip://a::file:///tmp/a.zip", "chain of file systems"),
    "cached http": ("filecache::http://127.0.0.1/", "chain of file systems"),
    "memory": ("memory://x", "protocol 'memory' is not allowed"),
    "ftp": ("ftp://host/x", "protocol 'ftp' is not allowed"),
    "sftp": ("sftp://host/x", "not allowed"),
    "smb": ("smb://host/x", "not allowed"),
    "hdfs": ("hdfs://host/x", "not allowed"),
    "github": ("github://a:b@c/x", "not allowed"),
    "reference": ("reference://x", "not allowed"),
    "data": ("data:text/plain,a", "is no URL"),
    "word": ("workload", "is no URL"),
    "relative path": ("a/b.txt", "is no URL"),
    "bad brackets": ("https://[::1/x", "no valid URL"),
}


@pytest.mark.parametrize(("url", "words"), FORBIDDEN_SOURCES.values(), ids=FORBIDDEN_SOURCES)
def test_other_sources_are_refused_by_their_text(url: str, words: str) -> None:
    """Without opening anything, a source that is not allowed is refused with what would be."""
    with pytest.raises(WorkloadError, match=words):
        check_source(url, WorkloadPolicy())


@pytest.mark.parametrize(
    "url", ["https://h/x", "HTTP://h/x", "s3://b/k", "gs://b/k", "abfs://c@a/k", "https://[::1]/x"]
)
def test_usual_sources_are_allowed(url: str) -> None:
    """http(s) and the object stores may be read from."""
    assert check_source(url, WorkloadPolicy()).scheme == url.partition(":")[0].lower()


def test_the_policy_comes_from_the_settings() -> None:
    """Each limit is the deployment's."""
    settings = Settings(
        workload_allow_private=True,
        workload_allow_local_files=True,
        workload_max_bytes=5,
        workload_max_seconds=6.0,
        workload_protocols=" S3, hf ,",
    )
    assert WorkloadPolicy.from_settings(settings) == WorkloadPolicy(
        allow_private=True, allow_local_files=True, max_bytes=5, max_seconds=6.0, protocols=frozenset({"s3", "hf"})
    )
    assert WorkloadPolicy.from_settings(Settings()) == WorkloadPolicy()


def test_a_shown_url_has_no_secrets() -> None:
    """User, password, query and fragment are left out."""
    assert shown_url("https://user:pw@host:8/a/b?sig=secret#x") == "https://host:8/a/b"
    assert shown_url("/data/items.txt") == "/data/items.txt"
