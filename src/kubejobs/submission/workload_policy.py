"""What a workload may be read from, and how much of it: the deployment's guard against a submission's URL.

Rule: an address is judged as the number that is connected to, after DNS, never by how the URL spells it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from kubejobs.errors import WorkloadError
from kubejobs.settings import Settings

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

HTTP_SCHEMES = frozenset({"http", "https"})
LOCAL_SCHEMES = frozenset({"", "file", "local"})
OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")
"""fsspec protocols that reach one cloud's object store and neither local files nor a host that the URL names."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class WorkloadPolicy:
    """Limits on reading a workload; sizes in bytes after decompression, times in seconds.

    `protocols` are the fsspec protocols allowed beside http(s) and local files. Whoever adds one that takes a host
    (sftp, ftp, smb, hdfs, …) trusts submissions with that host: its addresses are not checked.
    """

    allow_private: bool = False
    allow_local_files: bool = False
    max_bytes: int = 8_589_934_592
    max_seconds: float = 3600.0
    max_line_bytes: int = 1_048_576
    protocols: frozenset[str] = frozenset(OBJECT_STORES)

    @classmethod
    def from_settings(cls, settings: Settings) -> WorkloadPolicy:
        """The policy of this deployment."""
        names = {name.strip().lower() for name in settings.workload_protocols.split(",")}
        return cls(
            allow_private=settings.workload_allow_private,
            allow_local_files=settings.workload_allow_local_files,
            max_bytes=settings.workload_max_bytes,
            max_seconds=settings.workload_max_seconds,
            protocols=frozenset(names - {""}),
        )

    def check_address(self, text: str, host: str) -> None:
        """Raise a WorkloadError unless the address `text`, which `host` stands for, may be connected to."""
        reason = self.refusal(ipaddress.ip_address(text.partition("%")[0]))
        if reason:
            raise WorkloadError(
                f"the workload's host {host} is the {reason} address {text}, which this deployment does not read from"
                + ("" if reason in _NEVER else "; it may with KUBEJOBS_WORKLOAD_ALLOW_PRIVATE=true")
            )

    def refusal(self, address: IPAddress) -> str | None:
        """Why the address is refused, one word, or None when it is allowed."""
        inner = _embedded(address)
        if inner is not None:
            return self.refusal(inner)
        if address.is_multicast or address.is_unspecified:
            return "multicast" if address.is_multicast else "unspecified"
        if self.allow_private or (address.is_global and not address.is_reserved):
            return None
        if address.is_loopback or address.is_link_local:
            return "loopback" if address.is_loopback else "link-local"
        return "private"


_NEVER = frozenset({"multicast", "unspecified"})


def _embedded(address: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one carries: mapped, 6to4, Teredo (the client), NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def check_source(url: str, policy: WorkloadPolicy) -> SplitResult:
    """The URL's parts, when its scheme may be read under the policy; a WorkloadError says why not.

    Looks at the text alone, so it also serves to refuse a submission before anything is started.
    """
    scheme, separator, _ = url.partition("://")
    scheme = scheme.lower() if separator else ""
    if "::" in url.partition("?")[0] and scheme not in HTTP_SCHEMES:
        raise WorkloadError(f"the workload {shown_url(url)} is a chain of file systems (`::`); give one plain URL")
    if not separator and not url.startswith("/"):
        raise WorkloadError(f"the workload {url[:80]!r} is no URL; give one such as https://host/items.txt")
    if scheme in LOCAL_SCHEMES and not policy.allow_local_files:
        raise WorkloadError(
            f"the workload {shown_url(url)} is a local file, which this deployment does not read; "
            "put it behind http(s) or into an object store, or set KUBEJOBS_WORKLOAD_ALLOW_LOCAL_FILES=true"
        )
    if scheme not in HTTP_SCHEMES | LOCAL_SCHEMES | policy.protocols:
        allowed = ", ".join(sorted(HTTP_SCHEMES | policy.protocols))
        raise WorkloadError(
            f"the workload's protocol {scheme!r} is not allowed in this deployment; allowed: {allowed}"
            " (the setting KUBEJOBS_WORKLOAD_PROTOCOLS)"
        )
    return _split(url)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise WorkloadError(f"the workload {shown_url(url)} is no valid URL: {error}") from error


def shown_url(url: str) -> str:
    """The URL without user, password, query and fragment, which may be secrets."""
    plain = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = plain.partition("://")
    if not separator:
        return plain[:200]
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"[:200]
