"""The demo's numbers, replayed on virtual time with the real policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack.demo_job import (
    EXPECTED_SECONDS,
    FIRST_WORKERS,
    ONE_WORKER_SHARE,
    WORKER_MILLICORES,
    submission,
    target_cpu_seconds,
    worker_millicores,
)
from kubejobs.scaling.registry import policy_for
from kubejobs.scaling.types import Observation, PolicyState
from kubejobs.submission.model import Submission
from kubejobs.submission.parse import parse_submission

ITEMS = 1500
STEP_SECONDS = 0.1


@dataclass
class Replay:
    """How the demo went: the end as a share of the expected time, and the steps up and down."""

    end_share: float = 0.0
    ups: int = 0
    downs: int = 0


def replay(job: Submission, speed: float, start_seconds: float, pod_seconds: float) -> Replay:
    """The job on a machine `speed` times as fast as was estimated.

    Control and the first pods start after `start_seconds`; each pod works `pod_seconds` after it was asked for.
    """
    policy, state, result = policy_for(job.scaling), PolicyState(), Replay()
    ready_at = [start_seconds + pod_seconds] * job.scaling.initial_replicas
    done = elapsed = 0.0
    next_look = start_seconds
    rate = speed * ITEMS / (ONE_WORKER_SHARE * job.expected_time)
    while done < ITEMS:
        done += STEP_SECONDS * rate * sum(at <= elapsed for at in ready_at)
        elapsed += STEP_SECONDS
        if elapsed < next_look:
            continue
        next_look = elapsed + job.scaling.check_interval
        finished = min(int(done), ITEMS)
        decision, state = policy.decide(look(job, elapsed, finished, len(ready_at)), state)
        result.ups += decision.replicas > len(ready_at)
        result.downs += decision.replicas < len(ready_at)
        ready_at = [*sorted(ready_at), elapsed + pod_seconds][: decision.replicas]
    result.end_share = elapsed / job.expected_time
    return result


def look(job: Submission, elapsed: float, finished: int, replicas: int) -> Observation:
    """What control sees."""
    return Observation(
        elapsed_seconds=elapsed,
        expected_seconds=job.expected_time,
        total=ITEMS,
        queued=ITEMS - finished,
        leased=0,
        done=finished,
        failed=0,
        dead=0,
        desired_replicas=replicas,
        ready_replicas=replicas,
        pending_replicas=0,
        terminating_replicas=0,
    )


@pytest.fixture
def job(tmp_path: Path) -> Submission:
    """The demo's submission, as the product reads it."""
    return parse_submission(submission(tmp_path / "workload.txt", target_cpu_seconds()))


@pytest.mark.parametrize("speed", [0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0], ids="{}x".format)
@pytest.mark.parametrize(("start", "pod"), [(2.0, 2.0), (5.0, 4.0), (12.0, 3.0)], ids=["quick", "slow", "late"])
def test_the_demo_scales_up_and_down_and_is_in_time(job: Submission, speed: float, start: float, pod: float) -> None:
    """On machines from 0.6 to 2 times as fast as estimated, and with a slow start, the job shows what it should."""
    seen = replay(job, speed, start, pod)
    assert seen.ups >= 1
    assert seen.downs >= 1
    assert seen.end_share <= 0.95


def test_the_first_workers_cannot_meet_the_deadline(job: Submission) -> None:
    """At the estimated speed, the first number of workers would be late."""
    assert ONE_WORKER_SHARE / FIRST_WORKERS > 1
    assert job.scaling.initial_replicas == FIRST_WORKERS < job.scaling.max_replicas


@pytest.mark.parametrize(
    ("share", "expected"), [(1.0, WORKER_MILLICORES), (1.3, WORKER_MILLICORES), (0.5, WORKER_MILLICORES // 2)]
)
def test_less_work_gets_slower_workers(share: float, expected: int) -> None:
    """Where there are too few files, the CPU limit shrinks with them, so that the job lasts as long."""
    assert worker_millicores(share * target_cpu_seconds()) == expected


def test_the_workload_is_a_file_url(tmp_path: Path) -> None:
    """The submission names the workload by an absolute file URL, also where the path needs quoting."""
    conf = submission(tmp_path / "a folder" / "workload.txt", 1.0)
    assert conf["workload"]["url"].startswith("file:///")
    assert " " not in conf["workload"]["url"]
    assert conf["expected_time"] == EXPECTED_SECONDS
