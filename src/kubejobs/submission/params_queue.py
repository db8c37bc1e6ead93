"""The flat fields of Airflow's trigger form that are about the queue and the limits.

Rule: standard library only; see `params.py`.
"""

from __future__ import annotations

from kubejobs.submission import patterns
from kubejobs.submission.params_kinds import (
    DAY_SECONDS,
    LIMITS,
    QUEUE,
    Schema,
    flag,
    number,
    schema_of,
    text,
    whole,
)


def queue_fields() -> dict[str, Schema]:
    """The run's queue, and when a run is given up."""
    return {
        "queue_connection": text(
            "Shared queue",
            "Airflow connection of a shared Redis. Default: a private one in the cluster.",
            QUEUE,
            patterns.CONNECTION,
        ),
        "queue_authentication": flag(
            "Password",
            "The private queue asks for its password; switch off for images that can't give one. Default: true.",
            QUEUE,
        ),
        "lease_seconds": number(
            "Lease",
            "Seconds after which a silent worker's item goes to another. Default: 60.",
            QUEUE,
            exclusiveMinimum=0,
            maximum=DAY_SECONDS,
        ),
        "max_attempts": whole("Attempts", "How often an item may be started. Default: 3.", QUEUE, 1, 1000),
        "retry_seconds": number(
            "Retry delay",
            "Seconds before an item's second attempt; doubles with each further one. Default: 1.",
            QUEUE,
            minimum=0,
            maximum=DAY_SECONDS,
        ),
        "retry_max_seconds": number(
            "Longest retry delay",
            "Seconds before a further attempt at most. Default: 60.",
            QUEUE,
            minimum=0,
            maximum=DAY_SECONDS,
        ),
        "batch": schema_of(
            ["integer", "string"],
            "Batch",
            "Items that a worker takes at a time. Default: auto, by how long they take.",
            QUEUE,
            minimum=1,
            maximum=patterns.MAX_BATCH,
            pattern="^$|^auto$",
        ),
        "stall_seconds": number(
            "Stall limit",
            "Fail when nothing happened for this many seconds. Default: 1800.",
            LIMITS,
            exclusiveMinimum=0,
        ),
        "max_failed_items": schema_of(
            "integer",
            "Failed items",
            "Fail early when more items than this have failed. Default: none.",
            LIMITS,
            minimum=0,
        ),
        "max_failed_ratio": number(
            "Share of failed items",
            "Fail early when more than this share of all items has failed (0.1 = 10 %). Default: none.",
            LIMITS,
            minimum=0,
            maximum=1,
        ),
    }  # fmt: skip (a table)
