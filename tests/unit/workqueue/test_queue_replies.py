"""The scripts' replies as the project's types."""

import pytest

from kubejobs.errors import LeadershipLostError, QueueError, QueueLostError
from kubejobs.workqueue import replies


@pytest.mark.parametrize(
    ("status", "kind"),
    [("LOST", QueueLostError), ("FENCED", LeadershipLostError), ("CLOSED", QueueError)],
)
def test_a_status_other_than_ok_raises(status: str, kind: type[QueueError]) -> None:
    """Each has its error, which says where."""
    with pytest.raises(kind, match="h:1") as caught:
        replies.checked([status.encode()], "h:1")
    assert type(caught.value) is kind


def test_the_values_follow_the_status() -> None:
    """OK is taken off, whether replies are decoded or not."""
    assert replies.checked([b"OK", 1, 2], "h:1") == [1, 2]
    assert replies.checked(["OK"], "h:1") == []


def test_times_that_are_not_known_are_none() -> None:
    """A run in which nothing was leased has no first lease."""
    reply = [b"OK", 1500, b"", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 250_000, 0, 2, [b"-5", b"3"]]
    snapshot = replies.snapshot(reply, "h:1")
    assert (snapshot.time, snapshot.signal, snapshot.busy_seconds) == (1.5, None, 0.25)
    assert (snapshot.closed, snapshot.sessions, snapshot.durations.counts) == (False, 2, {-5: 3})
    assert (snapshot.first_leased_at, snapshot.last_acknowledged_at) == (None, None)
