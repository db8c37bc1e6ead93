"""docs/control.md keeps up with the code."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from kubejobs.control.journal import Event
from kubejobs.control.outcome import OutcomeKind
from kubejobs.report.model import Report
from kubejobs.scaling.types import Reason
from support.control_runs import run

DOCUMENT = (Path(__file__).parents[3] / "docs" / "control.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", [*Reason, *Event, *OutcomeKind], ids=lambda code: f"{type(code).__name__}-{code}")
def test_every_code_is_a_row_of_a_table(code: str) -> None:
    """Each reason, event and outcome has its line."""
    assert f"\n| `{code}` |" in DOCUMENT


def test_every_field_of_a_line_is_documented() -> None:
    """Whatever the lines of a run with scaling, a crash and an outage hold, the document names."""
    result = run(
        [1.0] * 100,
        scaling={"trigger_down": 0.1},
        lease_seconds=10.0,
        at={
            0.0: lambda queue, cluster: (setattr(cluster, "down_from", 30.0), setattr(cluster, "down_until", 40.0)),
            20.0: lambda _, cluster: cluster.crash_pod(),
        },
    )
    names = {name for line in result.queue.journal for name in line}
    inner = {name for line in result.queue.journal for key in ("counts", "replicas") for name in line[key] or ()}
    assert "recovered" in names
    assert [name for name in sorted(names | inner) if f"`{name}`" not in DOCUMENT] == []


def test_every_key_of_the_progress_is_documented() -> None:
    """A display finds what it is told in the document."""
    assert [name for name in run([1.0]).progress[-1] if f"`{name}`" not in DOCUMENT] == []


def test_every_group_of_the_report_is_documented() -> None:
    """What the report adds to the original's keys, but for the plain facts about the run."""
    plain = {"run", "dag_id", "run_id", "outcome", "success", "message", "scaling"}
    plain |= {"submitted_at", "started_at", "ended_at"}
    names = {item.name for item in fields(Report)} - plain
    assert [name for name in sorted(names) if f"`{name}`" not in DOCUMENT] == []
