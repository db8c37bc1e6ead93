"""The workload is read whole before anything is made."""

from __future__ import annotations

import pytest

from kubejobs.deploy.spool import spooled
from kubejobs.errors import WorkloadError


def test_items_come_back_as_often_as_wanted():
    """A queue that is filled again gets the same items."""
    with spooled(["a", "ü", " b "]) as spool:
        assert spool.count == 3
        assert list(spool) == ["a", "ü", " b "]
        assert list(spool) == ["a", "ü", " b "]


def test_an_empty_workload_is_refused():
    """Nothing to do is a mistake, said before a pod is made."""
    with pytest.raises(WorkloadError, match="no items"), spooled([]):
        pass


def test_a_workload_that_breaks_late_breaks_before_the_cluster_is_touched():
    """The error of the last line comes out of the block's beginning."""

    def items():
        yield "good"
        raise WorkloadError("line 2 is not UTF-8")

    entered = False
    with pytest.raises(WorkloadError, match="line 2"), spooled(items()):
        entered = True
    assert not entered


def test_a_full_disk_is_named(monkeypatch):
    """The message says where the space is missing."""

    def items():
        yield "a"
        raise OSError(28, "No space left on device")

    with pytest.raises(WorkloadError, match="No space left on device"), spooled(items()):
        pass


def test_priorities_come_back():
    """Items with a priority are read again with it, whatever their text begins with."""
    entries = [(0, "a"), (9, "3\tb"), (5, " ü ")]
    with spooled(entries) as spool:
        assert spool.count == 3
        assert list(spool) == entries
        assert list(spool) == entries


def test_texts_that_look_prioritized_stay_texts():
    """Only a workload that says so has priorities."""
    with spooled(["3\tb", "a"]) as spool:
        assert list(spool) == ["3\tb", "a"]
