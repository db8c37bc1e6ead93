"""Medians of rounds, ratios, and Markdown tables. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

DASH: Final = "-"


@dataclass
class Rounds:
    """What was measured of each contender, round by round, in the order in which they first ran."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Note one round's value."""
        self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float | None:
        """The median of a contender's rounds; None if it has none."""
        return statistics.median(self.values[name]) if self.values.get(name) else None

    def spread(self, name: str) -> str:
        """Its lowest and highest round."""
        values = self.values.get(name) or [0.0]
        return f"{rate(min(values))} to {rate(max(values))}"

    def best(self, names: Iterable[str]) -> tuple[str, float] | None:
        """The one of `names` with the highest median."""
        medians = [(name, median) for name in names if (median := self.median(name)) is not None]
        return max(medians, key=lambda pair: pair[1], default=None)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is about, the value seen and the value asked for, in the same unit.

    `at_least` says on which side of `bar` the value has to be; a value of None was not measured.
    """

    about: str
    value: float | None
    bar: float
    at_least: bool = True
    unit: str = "times"

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None if it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def row(self) -> tuple[str, str, str, str]:
        """About, bar, value, verdict."""
        side = "at least" if self.at_least else "at most"
        seen = "not measured" if self.value is None else f"{short(self.value)} {self.unit}"
        verdict = {True: "met", False: "missed", None: DASH}[self.met]
        return self.about, f"{side} {short(self.bar)} {self.unit}", seen, verdict


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark's part of the page: text before the table, the table, and the bars that it answers."""

    title: str
    about: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar] = ()

    def markdown(self) -> str:
        """Heading, text and table."""
        return f"### {self.title}\n\n{self.about}\n\n{table(self.header, self.rows)}\n"


def ratio(one: float | None, other: float | None) -> float | None:
    """How many times `other` goes into `one`; None if either is missing."""
    return one / other if one is not None and other else None


def rate(value: float | None) -> str:
    """A rate per second in three digits."""
    if value is None:
        return DASH
    for limit, divisor, suffix in ((1e6, 1e6, " M"), (1e4, 1e3, " k"), (1e3, 1e3, " k")):
        if value >= limit:
            return f"{value / divisor:.3g}{suffix}"
    return f"{value:.3g}"


def short(value: float) -> str:
    """Three digits; thousands with a comma."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def bars_table(bars: Iterable[Bar]) -> str:
    """The bars, one a line."""
    return table(("bar", "asked", "seen", ""), [bar.row() for bar in bars])
