"""The example's measures and their summary."""

import ast
from pathlib import Path

import pytest
from source_metrics.measure import cyclomatic_complexity, functions_of, measure_file, measure_source
from source_metrics.summary import FunctionMeasure, render, summarise


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        pytest.param("return 1", 1, id="straight"),
        pytest.param("if a: pass", 2, id="if"),
        pytest.param("if a: pass\n elif b: pass\n else: pass", 3, id="elif"),
        pytest.param("return 1 if a else 2", 2, id="ternary"),
        pytest.param("while a and b or c: pass", 4, id="each condition"),
        pytest.param("for x in y: pass\n else: pass", 2, id="for-else"),
        pytest.param("try: pass\n except A: pass\n except B: pass\n finally: pass", 3, id="handlers"),
        pytest.param("return [x for x in y if x if z]", 4, id="comprehension"),
        pytest.param("match a:\n  case 1: pass\n  case 2: pass\n  case _: pass", 3, id="match"),
        pytest.param("with a: pass\n assert b", 1, id="no decision"),
        pytest.param("def inner():\n  if a: pass", 1, id="inner functions count for themselves"),
        pytest.param("return lambda: 1 if a else 2", 2, id="lambda"),
    ],
)
def test_complexity_is_decision_points_plus_one(body: str, complexity: int) -> None:
    """Each decision point adds one, as McCabe counts."""
    tree = ast.parse(f"def f():\n {body}")
    assert cyclomatic_complexity(dict(functions_of(tree))["f"]) == complexity


SOURCE = b"""
class A:
    def short(self): pass

    async def long(self):
        def inner():
            if 1: pass
        return inner
"""


def test_a_file_s_measures() -> None:
    """Methods and inner functions are measured under dotted names."""
    assert measure_source(SOURCE) == {
        "lines": 8,
        "functions": 3,
        "complexity": 4,
        "longest": {"name": "A.long", "line": 5, "lines": 4},
        "complex": [
            {"name": "A.long.inner", "line": 6, "complexity": 2},
            {"name": "A.short", "line": 3, "complexity": 1},
            {"name": "A.long", "line": 5, "complexity": 1},
        ],
    }


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(b"print 'python 2'", id="syntax"),
        pytest.param(b"a = '\xff'", id="not UTF-8"),
        pytest.param(b"# coding: nonsense\n", id="unknown encoding"),
        pytest.param(b"a\x00b", id="null byte"),
        pytest.param(b"(" * 100_000, id="too deep"),
    ],
)
def test_what_can_not_be_parsed_is_a_finding(source: bytes) -> None:
    """Broken source has its lines counted and says what is wrong."""
    measures = measure_source(source)
    assert set(measures) == {"lines", "error"}
    assert measures["lines"] == 1
    assert measures["error"]


@pytest.mark.parametrize("source", [b"", b"x = 1\n"], ids=["empty", "no functions"])
def test_a_file_without_functions(source: bytes) -> None:
    """It has no longest function and no complexity."""
    measures = measure_source(source)
    assert measures["functions"] == measures["complexity"] == 0
    assert measures["longest"] is None
    assert measures["complex"] == []


def test_a_missing_file_raises(tmp_path: Path) -> None:
    """What can't be read is an error for the worker to report."""
    with pytest.raises(FileNotFoundError):
        measure_file(str(tmp_path / "nothing.py"))


def test_the_summary_adds_up_and_ranks(tmp_path: Path) -> None:
    """Totals, the longest function and the ten most complex ones over all files."""
    paths = []
    for number in range(12):
        path = tmp_path / f"f{number:02}.py"
        path.write_text("def f():\n" + "    if a: pass\n" * (number + 1))
        paths.append(str(path))
    (tmp_path / "bad.py").write_text("def")
    summary = summarise(measure_file(path) for path in [*paths, str(tmp_path / "bad.py")])
    assert (summary.files, summary.unparsable, summary.functions) == (13, 1, 12)
    assert summary.lines == sum(range(2, 14)) + 1
    assert summary.complexity == sum(range(2, 14))
    assert summary.longest == FunctionMeasure(13, "f", paths[11], 1)
    assert [each.amount for each in summary.most_complex] == list(range(13, 3, -1))
    text = render(summary)
    assert "13 files, 91 lines, 12 functions" in text
    assert f"{paths[11]}:1" in text
    assert "1 files can't be parsed" in text


def test_the_summary_of_nothing() -> None:
    """No results give zeros and no ranking."""
    assert render(summarise([])) == "0 files, 0 lines, 0 functions, mean cyclomatic complexity 0.0"
