"""The demo's submission: a job that its first workers can't finish in time, so that control has something to do.

The numbers. The policy `default` follows the share of the work against the share of the time, so it ends close to the
deadline unless it is told to hurry: it adds workers as soon as the job is 2 % behind, up to more than are needed, and
takes them away once it is 25 % ahead; then the fewest workers finish the rest before that lead is used up. Replayed on
machines from 0.6 to 2 times as fast as the sample says, it scaled up and down and ended in less than 95 % of the
expected time (tests/unit/devstack/test_demo_job.py). Each worker has a limit of CPU so that a few of them are faster
than one on any machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from devstack.parts import DEMO_IMAGE

EXPECTED_SECONDS = 90.0
WORKER_MILLICORES = 150
FIRST_WORKERS = 2
MOST_WORKERS = 8
# How long one worker would take, in expected times: what two can't do, three can, and eight can with a wide margin.
ONE_WORKER_SHARE = 2.3
TRIGGER_UP = 0.02
TRIGGER_DOWN = 0.25
CHECK_INTERVAL_SECONDS = 2.0


def target_cpu_seconds() -> float:
    """CPU seconds that the workload should cost for the expected time to be what it is."""
    return EXPECTED_SECONDS * ONE_WORKER_SHARE * WORKER_MILLICORES / 1000


def worker_millicores(cpu_seconds: float) -> int:
    """Each worker's CPU limit, in thousandths of a core, for a workload that costs `cpu_seconds`.

    It is less than the usual one where even all files of a fast machine are too little work.
    """
    return max(round(WORKER_MILLICORES * min(cpu_seconds / target_cpu_seconds(), 1.0)), 1)


def submission(workload: Path, cpu_seconds: float) -> dict[str, Any]:
    """The demo's conf, in the product's own shape."""
    limit = f"{worker_millicores(cpu_seconds)}m"
    return {
        "image": DEMO_IMAGE,
        "command": ["python", "-m", "source_metrics"],
        "workload": {"url": workload.resolve().as_uri()},
        "expected_time": EXPECTED_SECONDS,
        "scaling": {
            "policy": "default",
            "initial_replicas": FIRST_WORKERS,
            "min_replicas": FIRST_WORKERS,
            "max_replicas": MOST_WORKERS,
            "check_interval": CHECK_INTERVAL_SECONDS,
            "actuation_size": 1,
            "trigger_up": TRIGGER_UP,
            "trigger_down": TRIGGER_DOWN,
        },
        "resources": {"requests": {"cpu": limit, "memory": "64Mi"}, "limits": {"cpu": limit}},
    }
