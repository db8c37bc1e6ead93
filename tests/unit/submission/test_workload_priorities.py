"""Priorities of items: lines that begin with one, inline objects, and what is said of bad lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubejobs.errors import WorkloadError
from kubejobs.submission.model import Workload
from kubejobs.submission.workload import WorkloadPolicy, open_workload
from kubejobs.submission.workload_priorities import parse_prioritized, read_prioritized

LOCAL = WorkloadPolicy(allow_local_files=True)


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        pytest.param("0\ta", (0, "a"), id="lowest"),
        pytest.param("9\ta b\tc", (9, "a b\tc"), id="highest, and a tab inside"),
        pytest.param("5\t a ", (5, " a "), id="blanks belong to the item"),
        pytest.param("a", None, id="no priority"),
        pytest.param("10\ta", None, id="two digits"),
        pytest.param("-1\ta", None, id="negative"),
        pytest.param("5 a", None, id="no tab"),
        pytest.param("5\t", None, id="no item"),
        pytest.param("5\t  ", None, id="blank item"),
        pytest.param("\u0665\ta", None, id="another script's digit"),
        pytest.param("\ta", None, id="only a tab"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_line_with_a_priority(line: str, parsed: tuple[int, str] | None) -> None:
    """One digit, a tab, the item; anything else is none."""
    assert parse_prioritized(line) == parsed


def read(workload: dict[str, Any]) -> list[Any]:
    """What the workload holds."""
    return list(open_workload(Workload.model_validate(workload), LOCAL))


@pytest.mark.parametrize(
    ("workload", "entries"),
    [
        pytest.param({"items": ["a", "1\tb"]}, ["a", "1\tb"], id="texts are themselves"),
        pytest.param({"items": ["a", {"item": "b", "priority": 3}]}, [(0, "a"), (3, "b")], id="one object"),
        pytest.param({"items": [{"item": "3\tb"}]}, [(0, "3\tb")], id="an object's item is itself"),
        pytest.param({"items": ["0\ta", "4\tb"], "prioritized": True}, [(0, "a"), (4, "b")], id="lines"),
        pytest.param(
            {"items": ["7\ta", {"item": "b", "priority": 3}], "prioritized": True}, [(7, "a"), (3, "b")], id="both"
        ),
    ],
)
def test_inline_items_with_priorities(workload: dict[str, Any], entries: list[Any]) -> None:
    """All items are texts, or all have a priority; one that says none has 0."""
    assert read(workload) == entries


def test_a_files_lines_with_priorities(tmp_path: Path) -> None:
    """Line ends and blank lines are as without priorities."""
    file = tmp_path / "items.txt"
    file.write_bytes("1\ta\r\n\n9\tü\n".encode())
    assert read({"url": str(file), "prioritized": True}) == [(1, "a"), (9, "ü")]
    assert read({"url": str(file)}) == ["1\ta", "9\tü"]


BAD_LINES = {
    "one": ("1\ta\nsecret\n", "line 2 of the workload is not a priority from 0 to 9, a tab and the item"),
    "the first": ("secret\n1\ta\n", "line 1 of the workload is not"),
    "all": ("secret\n\nsecret", "lines 1, 3 of the workload are not"),
    "with blank lines between": ("\n\nsecret\n\n1\ta\n5 secret\n", "lines 3, 6 of the workload are not"),
}


@pytest.mark.parametrize(("text", "said"), BAD_LINES.values(), ids=BAD_LINES)
def test_every_bad_line_is_named(text: str, said: str, tmp_path: Path) -> None:
    """By its number in the file, with what to do, and without its content."""
    file = tmp_path / "items.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(WorkloadError) as caught:
        read({"url": str(file), "prioritized": True})
    message = str(caught.value)
    assert said in message
    assert message.endswith("correct the file or leave out workload.prioritized")
    assert "secret" not in message


def test_many_bad_lines_are_counted() -> None:
    """A file that is all wrong does not make an endless message."""
    with pytest.raises(WorkloadError, match=r"lines 1, 2, .*, 20 and 999,980 more of the workload are not"):
        list(read_prioritized((number, "x") for number in range(1, 1_000_001)))
