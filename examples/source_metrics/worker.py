"""The job's worker: takes paths of source files from the queue and stores the measures of each as its result."""

from __future__ import annotations

import logging
from typing import Any

from kubejobs.worker import Item, connect
from source_metrics.measure import measure_file


def work_on(item: Item) -> dict[str, Any]:
    """The result of one item."""
    return measure_file(item.value)


def main() -> int:
    """Work until nothing is left; a file that can't be read fails for good, as trying again would not help."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with connect() as queue:
        count = queue.process(work_on, permanent=(OSError,))
    logging.getLogger(__name__).info("measured %d files", count)
    return 0
