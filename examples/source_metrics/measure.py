"""Measures of Python source: lines, functions, cyclomatic complexity, longest function.

Rule: pure but for `measure_file`, which reads one file; standard library only. Source that Python can't parse is a
finding, not a failure.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEPT_FUNCTIONS = 10

_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def measure_file(path: str) -> dict[str, Any]:
    """The measures of one file; OSError if it can't be read."""
    return {"file": path} | measure_source(Path(path).read_bytes())


def measure_source(source: bytes) -> dict[str, Any]:
    """The measures of one file's content.

    `lines`, `functions`, `complexity` (the sum over the functions), `longest` ({name, line, lines}) and `complex`, the
    most complex functions ({name, line, complexity}); or `lines` and `error` where the source can't be parsed.
    """
    lines = len(source.splitlines())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"lines": lines, "error": f"{type(error).__name__}: {error}"[:200]}
    functions = [_measure_function(name, node) for name, node in functions_of(tree)]
    ranked = sorted(functions, key=lambda function: (-function["complexity"], function["line"]))
    longest = max(functions, key=lambda function: function["lines"], default=None)
    return {
        "lines": lines,
        "functions": len(functions),
        "complexity": sum(function["complexity"] for function in functions),
        "longest": _only(longest, "lines") if longest else None,
        "complex": [_only(function, "complexity") for function in ranked[:KEPT_FUNCTIONS]],
    }


def _measure_function(name: str, node: FunctionNode) -> dict[str, Any]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    return {"name": name, "line": node.lineno, "lines": length, "complexity": cyclomatic_complexity(node)}


def _only(function: dict[str, Any], measure: str) -> dict[str, Any]:
    return {name: function[name] for name in ("name", "line", measure)}


def functions_of(tree: ast.AST) -> Iterator[tuple[str, FunctionNode]]:
    """Every function and method, with its dotted name."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, parent = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            name = prefix
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                name = f"{prefix}.{node.name}" if prefix else node.name
            if isinstance(node, _FUNCTIONS):
                yield name, node
            waiting.append((name, node))


def cyclomatic_complexity(function: FunctionNode) -> int:
    """Decision points plus one; each condition of a compound one counts, functions inside count for themselves.

    Source: T. J. McCabe, "A Complexity Measure", IEEE Transactions on Software Engineering SE-2(4), 1976.
    """
    complexity = 1
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        complexity += _decisions(node)
        waiting.extend(ast.iter_child_nodes(node))
    return complexity


def _decisions(node: ast.AST) -> int:
    if isinstance(node, _BRANCHES):
        return 1
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    if isinstance(node, ast.match_case):
        return 0 if _matches_everything(node) else 1
    return 0


def _matches_everything(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
