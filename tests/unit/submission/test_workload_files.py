"""Reading from local files, from fsspec, and from the submission itself."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import fsspec
import pytest

from kubejobs.errors import WorkloadError
from kubejobs.submission.model import Workload
from kubejobs.submission.workload import open_workload
from kubejobs.submission.workload_policy import WorkloadPolicy

LOCAL = WorkloadPolicy(allow_local_files=True)


def read(url: str, policy: WorkloadPolicy = LOCAL) -> list[str]:
    """Every item at `url`."""
    return list(open_workload(Workload(url=url), policy))


def test_items_of_the_submission_are_the_workload() -> None:
    """Inline items come as they are."""
    assert list(open_workload(Workload(items=("b", "a")), WorkloadPolicy())) == ["b", "a"]


@pytest.mark.parametrize("workload", [Workload(items=()), Workload()], ids=["empty list", "nothing"])
def test_no_items_are_refused(workload: Workload) -> None:
    """A workload without items is refused at once."""
    with pytest.raises(WorkloadError):
        open_workload(workload, WorkloadPolicy())


def test_a_local_file_is_read_where_allowed(tmp_path: Path) -> None:
    """By absolute path or file URL, also with blanks in the name and compressed."""
    file = tmp_path / "my items.txt.gz"
    file.write_bytes(gzip.compress(b"a\nb\n"))
    assert read(str(file)) == read(file.as_uri()) == read(f"file://localhost{file}") == ["a", "b"]


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """A folder, a device or a pipe is refused rather than waited for."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/zero")):
        with pytest.raises(WorkloadError, match="is no regular file"):
            read(str(path))


WRONG_FILES = {
    "missing": ("/nonexistent/items.txt", "does not exist on this Airflow worker"),
    "another host's": ("file://server/share/x", "names a file of another host"),
    "too long a name": ("/" + "x" * 300, "can't be read"),
}


@pytest.mark.parametrize(("url", "words"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_that_cannot_be_read_says_why(url: str, words: str) -> None:
    """Each reason has its own words."""
    with pytest.raises(WorkloadError, match=words):
        read(url)


def test_an_allowed_fsspec_protocol_is_read() -> None:
    """Any installed protocol that the deployment allows can hold the workload."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/folder/items.txt", b"a\nb\n")
    policy = WorkloadPolicy(protocols=frozenset({"memory"}))
    try:
        assert read("memory://folder/items.txt", policy) == ["a", "b"]
        with pytest.raises(WorkloadError, match="does not exist"):
            read("memory://folder/other.txt", policy)
    finally:
        memory.rm("/folder", recursive=True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object store whose package is not installed names the package."""
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(WorkloadError, match="need the package s3fs"):
        read("s3://bucket/items.txt", WorkloadPolicy())


def test_a_stores_error_is_worded_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of a store's client becomes a WorkloadError that does not repeat a signed URL."""

    def fail(_: object, *__: object, **___: object) -> None:
        raise RuntimeError("https://bucket/?sig=secret")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem._open", fail)
    with pytest.raises(WorkloadError, match=r"can't be read \(RuntimeError\)") as caught:
        read("memory://x", WorkloadPolicy(protocols=frozenset({"memory"})))
    assert "secret" not in str(caught.value)
