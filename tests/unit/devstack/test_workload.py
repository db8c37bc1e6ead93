"""Which files the demo takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.workload import SourceFile, cpu_seconds_a_byte, source_files, take


def some_files(count: int, size_bytes: int = 100) -> list[SourceFile]:
    """Files that exist only in name."""
    return [SourceFile(Path(f"/x/{number}.py"), size_bytes) for number in range(count)]


@pytest.mark.parametrize(
    ("target", "count"),
    [pytest.param(5.0, 5, id="as many as it takes"), pytest.param(50.0, 10, id="all, if they are too few")],
)
def test_files_are_taken_until_the_target_is_reached(target: float, count: int) -> None:
    """Each file costs one CPU second here; the workload is the first ones that add up to the target."""
    workload = take(some_files(10), 0.01, target)
    assert len(workload.files) == count
    assert workload.cpu_seconds == pytest.approx(count)


def test_the_cost_is_measured_until_the_sample_is_large_enough() -> None:
    """Files of 25 ms are measured for a second; the cost has a tenth more for the queue."""
    measured: list[str] = []

    def measure(path: str) -> dict[str, object]:
        measured.append(path)
        return {}

    cost = cpu_seconds_a_byte(measure, some_files(100), lambda: len(measured) * 0.025)
    assert len(measured) == 40
    assert cost == pytest.approx(0.025 * 1.1 / 100)


def test_the_sample_has_a_least_number_of_files() -> None:
    """Slow files alone would say little: at least 20 are measured, however long they take."""
    measured: list[str] = []

    def measure(path: str) -> dict[str, object]:
        measured.append(path)
        return {}

    cpu_seconds_a_byte(measure, some_files(100), lambda: len(measured) * 0.5)
    assert len(measured) == 20


def test_only_source_files_with_content_are_found(tmp_path: Path) -> None:
    """Packages installed below, caches, other files, empty files and names that break lines are left out."""
    for name in ("a.py", "sub/b.py", "site-packages/c.py", "__pycache__/d.py", "e.txt", "line\nbreak.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x = 1\n")
    (tmp_path / "empty.py").touch()
    found = {str(file.path.relative_to(tmp_path)) for file in source_files(tmp_path)}
    assert found == {"a.py", "sub/b.py"}


def test_the_workload_file_has_one_path_a_line(tmp_path: Path) -> None:
    """The product reads one item a line."""
    take(some_files(3), 1.0, 1000.0).write(tmp_path / "workload.txt")
    assert (tmp_path / "workload.txt").read_text().splitlines() == ["/x/0.py", "/x/1.py", "/x/2.py"]
