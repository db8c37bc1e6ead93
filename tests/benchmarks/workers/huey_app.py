"""huey: threads, no stored results. It has no setting by which an interrupted item would be run again."""

from __future__ import annotations

import work
from huey import RedisHuey

huey = RedisHuey("bench", url=work.URL, results=False)
noop = huey.task()(work.noop)
timed = huey.task()(work.timed)


def enqueue(task: str, items: list[str]) -> None:
    """One call an item: there is no bulk call."""
    function = noop if task == "noop" else timed
    for item in items:
        function(item)
