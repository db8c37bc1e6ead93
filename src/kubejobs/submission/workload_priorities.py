"""Lines that begin with a priority → priority and item.

Rule: every bad line is named, by its number and never by its content, which may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubejobs.errors import WorkloadError

Entry = str | tuple[int, str]
"""An item, or its priority and the item; a priority is from 0 to 9, and higher ones come first."""

BAD_LINE = "a priority from 0 to 9, a tab and the item"
_MOST_NAMED = 20
_PREFIX_CHARACTERS = 2


def parse_prioritized(line: str) -> tuple[int, str] | None:
    """Priority and item of a line such as `7<tab>item`; None of any other line."""
    item = line[_PREFIX_CHARACTERS:]
    if line[:1] in _DIGITS and line[1:_PREFIX_CHARACTERS] == "\t" and item and not item.isspace():
        return int(line[0]), item
    return None


_DIGITS = frozenset("0123456789")


def read_prioritized(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Priority and item of each numbered line; at the end, a WorkloadError that names every bad line (20 of them)."""
    bad: list[int] = []
    count = 0
    for number, line in lines:
        parsed = parse_prioritized(line)
        if parsed is not None:
            yield parsed
            continue
        count += 1
        if count <= _MOST_NAMED:
            bad.append(number)
    if count:
        more = f" and {count - _MOST_NAMED:,} more" if count > _MOST_NAMED else ""
        which = f"line {bad[0]} of the workload is" if count == 1 else f"lines {_listed(bad)}{more} of the workload are"
        raise WorkloadError(
            f"{which} not {BAD_LINE}, as workload.prioritized says; correct the file or leave out workload.prioritized"
        )


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
