"""Bytes to items: line ends, gzip, encodings and limits."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
from collections.abc import Iterable, Iterator

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubejobs.errors import WorkloadError
from kubejobs.submission.workload_lines import read_lines
from kubejobs.submission.workload_policy import WorkloadPolicy


class StandingClock:
    """A clock that moves by `step_seconds` each time it is read."""

    def __init__(self, step_seconds: float = 0.0) -> None:
        self.time = 0.0
        self.step_seconds = step_seconds

    def now(self) -> float:
        """Not needed by readers."""
        return self.time

    def monotonic(self) -> float:
        """The time, which then moves on."""
        self.time += self.step_seconds
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Not needed by readers."""
        self.time += seconds


def items(
    chunks: Iterable[bytes], policy: WorkloadPolicy | None = None, clock: StandingClock | None = None
) -> list[str]:
    """Every item in the chunks."""
    return list(read_lines(chunks, policy or WorkloadPolicy(), clock or StandingClock()))


READABLE = {
    "lines": ([b"a\nb\n"], ["a", "b"]),
    "no end of line at the end": ([b"a\nb"], ["a", "b"]),
    "Windows line ends": ([b"a\r\nb\r\n"], ["a", "b"]),
    "blank lines": ([b"\n\na\n \n\r\nb\n\n"], ["a", "b"]),
    "inner and outer blanks": ([b" a b \n"], [" a b "]),
    "byte order mark": ([b"\xef\xbb\xbfa\nb"], ["a", "b"]),
    "byte order mark in pieces": ([b"\xef", b"\xbb", b"\xbfa"], ["a"]),
    "characters cut by chunks": (["é".encode()[:1], "é".encode()[1:] + b"\nb"], ["é", "b"]),
    "other separators belong to an item": (["a\u2028b\x0bc\n".encode()], ["a\u2028b\x0bc"]),
    "empty chunks": ([b"", b"a", b"", b"\nb", b""], ["a", "b"]),
    "gzip": ([gzip.compress(b"a\nb\n")], ["a", "b"]),
    "gzip byte by byte": ([bytes([byte]) for byte in gzip.compress(b"a\nb\n")], ["a", "b"]),
    "gzip of two members": ([gzip.compress(b"a\n") + gzip.compress(b"b\n")], ["a", "b"]),
    "padded gzip": ([gzip.compress(b"a\n") + b"\x00" * 512], ["a"]),
    "nothing": ([], []),
    "only blanks": ([b" \n\n"], []),
    "not HTML": ([b"html page\n<htm\n"], ["html page", "<htm"]),
}


@pytest.mark.parametrize(("chunks", "expected"), READABLE.values(), ids=READABLE)
def test_a_line_is_an_item(chunks: list[bytes], expected: list[str]) -> None:
    """Items come out as written, whatever the line ends, the chunks and the compression."""
    assert items(chunks) == expected


UNREADABLE = {
    "Latin-1": ([b"a\nb\ncaf\xe9\nd\n"], "line 3 of the workload is not UTF-8"),
    "Latin-1 in a later chunk": ([b"a\nb\nc", b"\nd\n\xff"], "line 5 of the workload is not UTF-8"),
    "UTF-16": (["a\nb".encode("utf-16")], "line 1 of the workload is not UTF-8"),
    "NUL": ([b"a\nb\x00\n"], "line 2 of the workload holds a NUL"),
    "HTML": ([b"\n  <!DOCTYPE html>\n<html>"], "is an HTML page"),
    "HTML in pieces": ([b"<h", b"tml lang=en>"], "is an HTML page"),
    "zipped HTML": ([gzip.compress(b"<html><body>Login</body>")], "is an HTML page"),
    "truncated gzip": ([gzip.compress(b"a\nb\n" * 1000)[:-9]], "ends in the middle"),
    "damaged gzip": ([gzip.compress(b"a\n")[:-6] + b"zzzzzz"], "gzip data is damaged"),
    "rubbish after gzip": ([gzip.compress(b"a\n") + b"rubbish"], "gzip data is damaged"),
}


@pytest.mark.parametrize(("chunks", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_list_of_items_is_refused(chunks: list[bytes], words: str) -> None:
    """Undecodable, damaged or wrong content is a clear failure, with the line's number where there is one."""
    with pytest.raises(WorkloadError, match=words):
        items(chunks)


@pytest.mark.parametrize(
    "chunks",
    [[b"short\n" + b"x" * 11 + b"\nshort\n"], [b"short\nxxxxxx", b"xxxxxx", b"xxx"]],
    ids=["whole", "in pieces"],
)
def test_a_line_has_a_longest_length(chunks: list[bytes]) -> None:
    """A line over the limit is refused with its number, before it is complete."""
    with pytest.raises(WorkloadError, match="line 2 of the workload is longer than 10 bytes"):
        items(chunks, WorkloadPolicy(max_line_bytes=10))


def test_the_size_is_limited_after_decompression() -> None:
    """A small file that unpacks to a large one is refused."""
    bomb = gzip.compress(b"a\n" * 1_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(WorkloadError, match="larger than 1,000,000 bytes"):
        items([bomb], WorkloadPolicy(max_bytes=1_000_000))


def test_the_time_is_limited_between_any_two_chunks() -> None:
    """A source that drips for ever is given up at the time limit."""

    def drip() -> Iterator[bytes]:
        while True:
            yield b"a"

    with pytest.raises(WorkloadError, match="was not read within 60 s"):
        items(drip(), WorkloadPolicy(max_seconds=60), StandingClock(step_seconds=1))


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), min_size=1, max_size=8), max_size=9
    ),
    size=st.integers(1, 7),
    zipped=st.booleans(),
)
def test_chunks_never_change_the_items(lines: list[str], size: int, zipped: bool) -> None:
    """However the bytes are cut, the items are the lines that are not blank."""
    content = b"a first item\n" + "\n".join(lines).encode()
    content = gzip.compress(content) if zipped else content
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    assert items(chunks)[1:] == [line for line in lines if not line.isspace()]


def test_a_million_lines_take_flat_memory() -> None:
    """The memory of the process does not grow with the number of lines."""
    chunk = b"".join(b"item %07d\n" % number for number in range(10_000))
    process = psutil.Process()
    before = peak = process.memory_info().rss
    count = 0
    for _ in read_lines(itertools.repeat(chunk, 100), WorkloadPolicy(), StandingClock()):
        count += 1
        if count % 50_000 == 0:
            peak = max(peak, process.memory_info().rss)
    assert count == 1_000_000
    assert peak - before < 16_000_000


def test_more_lines_take_no_more_memory() -> None:
    """What reading allocates at its peak is the same for ten times the lines."""
    chunk = b"".join(b"item %07d\n" % number for number in range(2_000))
    peaks = []
    for repetitions in (5, 50):
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_lines(itertools.repeat(chunk, repetitions), WorkloadPolicy(), StandingClock()))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5
