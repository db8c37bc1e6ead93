"""Who is measured, and with which settings: how each worker process is started, how many items a round has.

A peer's settings are the fastest for one worker process that its documentation offers (`fast`), and the ones with
which it runs an interrupted item again soonest (`recovery`). Its module in `workers/` has what is no option of its
command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PEERS_VENV: Final = "peers"
ARQ_VENV: Final = "arq"
OWN_VENV: Final = ""


@dataclass(frozen=True, slots=True)
class Contender:
    """One queue with its settings.

    `command` follows the Python of its virtual environment; `items` is how many no-ops a full round has: about two
    seconds' worth. `peer` is the library's name for choosing the best peer, empty for the raw loop and ours.
    """

    name: str
    app: str
    command: tuple[str, ...]
    settings: str
    items: int = 0
    peer: str = ""
    venv: str = PEERS_VENV
    variables: tuple[tuple[str, str], ...] = ()


def _raw(batch: int, items: int) -> Contender:
    return Contender(
        f"raw loop, batch {batch}",
        "raw_app",
        ("raw_app.py", str(batch)),
        "one Lua script per turn: a list and a deadline per lease",
        items,
        venv=OWN_VENV,
    )


def _ours(batch: str, items: int) -> Contender:
    return Contender(
        f"kubejobs, batch {batch}",
        "kubejobs_app",
        ("kubejobs_app.py", "noop"),
        "client library with ledger, leases, heartbeat",
        items,
        venv=OWN_VENV,
        variables=(("KUBEJOBS_BATCH", batch),),
    )


RAW: Final = {1: _raw(1, 20_000), 10: _raw(10, 120_000), 100: _raw(100, 400_000)}
OURS: Final = {
    "1": _ours("1", 15_000),
    "10": _ours("10", 80_000),
    "100": _ours("100", 300_000),
    "auto": _ours("auto", 300_000),
}

_CELERY = ("-m", "celery", "-A", "celery_app", "worker", "--loglevel", "ERROR", "--without-gossip", "--without-mingle")
_TASKIQ = ("--workers", "1", "--log-level", "WARNING")

_TASKIQ_RECOVERY = ("--max-async-tasks", "1", "--ack-type", "when_executed")

FAST_PEERS: Final = (
    Contender(
        "huey", "huey_app", ("-m", "huey.bin.huey_consumer", "huey_app.huey", "-w", "8", "-n", "-q"),
        "8 threads, no stored results", 5000, "huey",
    ),
    Contender(
        "dramatiq", "dramatiq_app", ("-m", "dramatiq", "dramatiq_app", "--processes", "1", "--threads", "8"),
        "1 process of 8 threads, default middleware", 4000, "dramatiq",
    ),
    Contender(
        "arq", "arq_app", ("-m", "arq", "arq_app.WorkerSettings", "--custom-log-dict", "arq_app.QUIET"),
        "max_jobs 100, results not kept, uvloop", 3000, "arq", ARQ_VENV,
    ),
    Contender(
        "celery, solo", "celery_app", (*_CELERY, "--pool", "solo"),
        "solo pool, prefetch 64, no results, early acknowledgement", 2500, "celery",
    ),
    Contender(
        "celery, prefork", "celery_app", (*_CELERY, "--pool", "prefork", "--concurrency", "1"),
        "prefork pool of 1, prefetch 64, no results, early acknowledgement", 2500, "celery",
    ),
    Contender(
        "taskiq, stream", "taskiq_app", ("-m", "taskiq", "worker", "taskiq_app:broker", *_TASKIQ),
        "RedisStreamBroker, 100 tasks at a time, uvloop", 3000, "taskiq",
    ),
    Contender(
        "taskiq, list", "taskiq_list_app", ("-m", "taskiq", "worker", "taskiq_list_app:broker", *_TASKIQ),
        "ListQueueBroker (no acknowledgements), 100 tasks at a time, uvloop", 3000, "taskiq",
    ),
    Contender(
        "saq", "saq_app", ("-m", "saq", "saq_app.settings", "--quiet"),
        "concurrency 100, jobs deleted when done, uvloop", 2000, "saq",
    ),
    Contender(
        "rq", "rq_app", ("rq_app.py",),
        "SimpleWorker (no fork), results not kept", 800, "rq",
    ),
)  # fmt: skip

OURS_RECOVERY: Final = Contender(
    "kubejobs", "kubejobs_app", ("kubejobs_app.py", "timed"), "lease 3 s, item by item",
    venv=OWN_VENV, variables=(("KUBEJOBS_LEASE_SECONDS", "3"), ("KUBEJOBS_BATCH", "1")),
)  # fmt: skip
RECOVERY_PEERS: Final = (
    Contender(
        "huey", "huey_app", ("-m", "huey.bin.huey_consumer", "huey_app.huey", "-w", "1", "-n", "-q"),
        "has no recovery of interrupted items",
    ),
    Contender(
        "dramatiq", "dramatiq_app", ("-m", "dramatiq", "dramatiq_app", "--processes", "1", "--threads", "1"),
        "heartbeat timeout 3 s, maintenance with every command, prefetch 1",
        variables=(("dramatiq_queue_prefetch", "1"),),
    ),
    Contender(
        "arq", "arq_app", ("-m", "arq", "arq_app.WorkerSettings", "--custom-log-dict", "arq_app.QUIET"),
        "job_timeout 1 s (its lease is that + 10 s; a longer item is ended)", venv=ARQ_VENV,
    ),
    Contender(
        "celery", "celery_app", (*_CELERY, "--pool", "prefork", "--concurrency", "1"),
        "acks_late, visibility timeout 3 s (not renewed: a longer item runs twice), scanned every second, prefetch 1",
    ),
    Contender(
        "taskiq", "taskiq_app",
        ("-m", "taskiq", "worker", "taskiq_app:broker", *_TASKIQ, *_TASKIQ_RECOVERY),
        "RedisStreamBroker, idle timeout 3 s (not renewed), one at a time",
    ),
    Contender(
        "saq", "saq_app", ("-m", "saq", "saq_app.settings", "--quiet"),
        "job heartbeat 3 s (renewed by the job's own code), sweep every second, concurrency 1",
    ),
    Contender(
        "rq", "rq_app", ("rq_app.py",),
        "forking worker, monitoring interval 1 s (its lease is that + 60 s), maintenance every second",
    ),
)  # fmt: skip
