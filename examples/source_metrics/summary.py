"""All files' measures in one: totals and the most complex functions. Rule: pure, and flat in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from source_metrics.measure import KEPT_FUNCTIONS


@dataclass(frozen=True, slots=True)
class FunctionMeasure:
    """One function of one file; `amount` is its complexity or its length in lines."""

    amount: int
    name: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """Where it is, as editors take it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Summary:
    """The totals of a job; `complexity` is the sum over all functions."""

    files: int = 0
    unparsable: int = 0
    lines: int = 0
    functions: int = 0
    complexity: int = 0
    longest: FunctionMeasure | None = None
    most_complex: tuple[FunctionMeasure, ...] = ()


def summarise(results: Iterable[dict[str, Any]]) -> Summary:
    """Sum up what `measure_file` returned for each file."""
    files = unparsable = lines = functions = complexity = 0
    longest: FunctionMeasure | None = None
    most_complex: list[FunctionMeasure] = []
    for result in results:
        files += 1
        lines += result["lines"]
        if "error" in result:
            unparsable += 1
            continue
        functions += result["functions"]
        complexity += result["complexity"]
        found = [_function(result, function, "complexity") for function in result["complex"]]
        most_complex = heapq.nsmallest(KEPT_FUNCTIONS, [*most_complex, *found], key=_rank)
        if result["longest"]:
            longest = min(filter(None, (longest, _function(result, result["longest"], "lines"))), key=_rank)
    return Summary(files, unparsable, lines, functions, complexity, longest, tuple(most_complex))


def _function(result: dict[str, Any], function: dict[str, Any], measure: str) -> FunctionMeasure:
    return FunctionMeasure(function[measure], function["name"], result["file"], function["line"])


def _rank(function: FunctionMeasure) -> tuple[int, str, int]:
    return -function.amount, function.file, function.line


def render(summary: Summary) -> str:
    """The summary as text for a terminal."""
    mean = summary.complexity / summary.functions if summary.functions else 0.0
    totals = f"{summary.files:,} files, {summary.lines:,} lines, {summary.functions:,} functions"
    text = [f"{totals}, mean cyclomatic complexity {mean:.1f}"]
    if summary.unparsable:
        text.append(f"{summary.unparsable:,} files can't be parsed by this Python")
    if summary.longest:
        text.append(
            f"longest function: {summary.longest.amount:,} lines, {summary.longest.name}, {summary.longest.place}"
        )
    if summary.most_complex:
        text.append(f"the {len(summary.most_complex)} most complex functions:")
        text += [f"  {each.amount:5,}  {each.name}  {each.place}" for each in summary.most_complex]
    return "\n".join(text)
