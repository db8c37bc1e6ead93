"""Bytes → items: decompressed, cut into lines, decoded, checked; never more in memory than a chunk and a line."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from kubejobs.clock import Clock
from kubejobs.errors import WorkloadError
from kubejobs.submission.workload_policy import WorkloadPolicy

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_BOM = b"\xef\xbb\xbf"
_PIECE_BYTES = 1_048_576
_HTML_STARTS = (b"<!doctype html", b"<html")


def read_lines(chunks: Iterable[bytes], policy: WorkloadPolicy, clock: Clock) -> Iterator[str]:
    """The items in `chunks`: one a line, without line ends and blank lines; gzip is noticed by its content.

    Raises a WorkloadError, with the line's number where there is one, on anything else than such a file within limits.
    """
    return (item for _, item in read_numbered_lines(chunks, policy, clock))


def read_numbered_lines(chunks: Iterable[bytes], policy: WorkloadPolicy, clock: Clock) -> Iterator[tuple[int, str]]:
    """As `read_lines`, each item with the number of its line."""
    line_number = 0
    rest = b""
    for piece in _beginning_checked(_limited(_decompressed(_timed(chunks, policy, clock)), policy)):
        complete, newline, tail = piece.rpartition(b"\n")
        if newline:
            block = rest + complete
            yield from _items(block, line_number, policy)
            line_number += block.count(b"\n") + 1
            rest = tail
        else:
            rest += tail
        if len(rest) > policy.max_line_bytes:
            raise _too_long(line_number + 1, policy)
    if rest:
        yield from _items(rest, line_number, policy)


def _timed(chunks: Iterable[bytes], policy: WorkloadPolicy, clock: Clock) -> Iterator[bytes]:
    """The chunks, until the time limit."""
    deadline = clock.monotonic() + policy.max_seconds
    for chunk in chunks:
        if clock.monotonic() > deadline:
            raise WorkloadError(
                f"the workload was not read within {policy.max_seconds:g} s; speed up its server or make it smaller "
                "(the setting KUBEJOBS_WORKLOAD_MAX_SECONDS)"
            )
        yield chunk


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content behind any gzip; in pieces of at most a mebibyte, so that a bomb does not burst."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= len(_GZIP):
            break
    if not start.startswith(_GZIP):
        yield start
        yield from chunks
        return
    member = zlib.decompressobj(_GZIP_WINDOW)
    for chunk in _chained(start, chunks):
        data = chunk
        while data:
            if member.eof:
                data = data.lstrip(b"\x00")
                member = zlib.decompressobj(_GZIP_WINDOW) if data else member
                continue
            yield _inflate(member, data)
            data = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise WorkloadError("the workload's gzip data ends in the middle; upload the whole file again")


def _chained(start: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield start
    yield from chunks


def _inflate(member: zlib._Decompress, data: bytes) -> bytes:
    try:
        return member.decompress(data, _PIECE_BYTES)
    except zlib.error as error:
        raise WorkloadError(f"the workload's gzip data is damaged ({error}); upload the file again") from error


def _limited(pieces: Iterator[bytes], policy: WorkloadPolicy) -> Iterator[bytes]:
    """The pieces, until the size limit."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > policy.max_bytes:
            raise WorkloadError(
                f"the workload is larger than {policy.max_bytes:,} bytes; split it over several submissions "
                "(the setting KUBEJOBS_WORKLOAD_MAX_BYTES)"
            )
        yield piece


def _beginning_checked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces without a byte order mark; an HTML page, such as a login or an error, is refused."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start.lstrip()) >= len(_HTML_STARTS[0]) + len(_BOM):
            break
        if len(start) > _PIECE_BYTES:
            break
    start = start.removeprefix(_BOM)
    if start.lstrip().lower().startswith(_HTML_STARTS):
        raise WorkloadError("the workload is an HTML page, not a list of items; check that its URL needs no login")
    yield start
    yield from pieces


def _items(block: bytes, lines_before: int, policy: WorkloadPolicy) -> Iterator[tuple[int, str]]:
    """The items of a block of whole lines, each with its line's number."""
    try:
        text = block.decode()
    except UnicodeDecodeError as error:
        bad = lines_before + block.count(b"\n", 0, error.start) + 1
        raise WorkloadError(f"line {bad} of the workload is not UTF-8; save the file as UTF-8 text") from error
    if "\x00" in text:
        bad = lines_before + text.count("\n", 0, text.index("\x00")) + 1
        raise WorkloadError(f"line {bad} of the workload holds a NUL character; it must be a text file")
    certainly_short = policy.max_line_bytes // 4  # characters, of at most 4 bytes each
    for number, line in enumerate(text.split("\n"), start=lines_before + 1):
        item = line.removesuffix("\r")
        if len(item) > certainly_short and len(item.encode()) > policy.max_line_bytes:
            raise _too_long(number, policy)
        if item and not item.isspace():
            yield number, item


def _too_long(number: int, policy: WorkloadPolicy) -> WorkloadError:
    return WorkloadError(
        f"line {number} of the workload is longer than {policy.max_line_bytes:,} bytes; an item is one line: "
        "put large content into files and list their names"
    )
