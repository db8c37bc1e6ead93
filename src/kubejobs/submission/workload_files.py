"""A workload's bytes from a local file or from an object store through fsspec."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, unquote

import fsspec.core
from fsspec.registry import known_implementations

from kubejobs.errors import WorkloadError
from kubejobs.submission.workload_policy import shown_url

CHUNK_BYTES = 1_048_576
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
}


def read_local(url: str, parts: SplitResult) -> Iterator[bytes]:
    """The content of a local file, given as file:// URL or absolute path; only a regular file is opened."""
    if parts.netloc not in {"", "localhost"} and parts.scheme:
        raise WorkloadError(f"the workload {shown_url(url)} names a file of another host; write file:///path")
    path = Path(unquote(parts.path) if parts.scheme else url)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe would block, a device never end
            raise WorkloadError(f"the workload {path} is no regular file; give a file with one item a line")
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError as error:
        raise WorkloadError(f"the workload {path} does not exist on this Airflow worker; check the path") from error
    except (OSError, ValueError) as error:
        raise WorkloadError(f"the workload {path} can't be read: {error}; check its permissions") from error


def read_fsspec(url: str, scheme: str) -> Iterator[bytes]:
    """The content at a URL of an fsspec protocol, with the credentials of this Airflow worker."""
    try:
        file_system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise WorkloadError(
            f"workloads of the protocol {scheme!r} need the package {_package(scheme)}; add it to Airflow's image"
        ) from error
    except Exception as error:
        raise _unreadable(url, error) from error
    try:
        with file_system.open(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError as error:
        raise WorkloadError(f"the workload {shown_url(url)} does not exist; check its URL") from error
    except Exception as error:  # every store has its own tree of errors
        raise _unreadable(url, error) from error


def _package(scheme: str) -> str:
    hint = known_implementations.get(scheme, {}).get("err", "that provides it")
    return _PACKAGES.get(scheme, f"({hint})")


def _unreadable(url: str, error: Exception) -> WorkloadError:
    """The kind of error alone: a store's message may hold a signed URL."""
    return WorkloadError(
        f"the workload {shown_url(url)} can't be read ({type(error).__name__}); "
        "check the URL and this worker's credentials"
    )
