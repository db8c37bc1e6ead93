"""The triggers: what they are made from, one event each, and what a user's "mark failed" does."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from kubejobs.control.outcome import Outcome, OutcomeKind
from kubejobs.errors import ClusterUnavailableError, ConfigurationError, KubeJobsError, ObjectGoneError, QueueLostError
from kubejobs.naming import RunIdentity
from kubejobs.workqueue.types import Counts
from operators import control_run, control_trigger, job_run, job_trigger
from operators.control_trigger import ControlTrigger
from operators.job_trigger import JobTrigger
from operators.trigger_state import ending, shortest_dwell_seconds
from support.airflow_fakes import RecordingLog
from support.virtual import VirtualClock, run_virtual

ARGUMENTS = {"dag_id": "d", "run_id": "r", "cluster": "c", "namespace": "n", "patience_seconds": 5.0}
CONTROL = ARGUMENTS | {"task_id": "control"}
TRIGGERS = [pytest.param(ControlTrigger, CONTROL, id="control"), pytest.param(JobTrigger, ARGUMENTS, id="job")]
DRAINED = Outcome(OutcomeKind.DRAINED, success=True, message="all done", ended_at=2.0, elapsed_seconds=1.0)
STALLED = Outcome(OutcomeKind.STALLED, success=False, message="stuck", ended_at=2.0, elapsed_seconds=1.0)


@pytest.mark.parametrize(("kind", "arguments"), TRIGGERS)
def test_a_trigger_is_made_again_from_what_it_says_of_itself(
    kind: type[BaseTrigger], arguments: dict[str, Any]
) -> None:
    """The arguments of __init__ and no others, as JSON; another triggerer makes the same from them."""
    path, said = kind(**arguments).serialize()
    assert said == arguments
    assert set(said) == set(inspect.signature(kind.__init__).parameters) - {"self"}
    assert kind(**json.loads(json.dumps(said))).serialize() == (path, said)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (ControlTrigger, "operators.control_trigger.ControlTrigger"),
        (JobTrigger, "operators.job_trigger.JobTrigger"),
    ],
    ids=["control", "job"],
)
def test_the_path_of_a_trigger_stays(kind: type[BaseTrigger], path: str) -> None:
    """Deferred tasks in the database hold this text: moving the class would lose them."""
    arguments = CONTROL if kind is ControlTrigger else ARGUMENTS
    assert kind(**arguments).serialize()[0] == path == f"{kind.__module__}.{kind.__qualname__}"


# -- events -------------------------------------------------------------------------


class FakeRun:
    """Stands for ControlledRun and FollowedJob; `result` is what comes out, or the exception."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.killed = 0
        self.ended = asyncio.Event()

    def __call__(self, *_: Any) -> FakeRun:
        """As the class's own call."""
        return self

    async def outcome(self, publish: Callable[[dict[str, Any]], Any]) -> Outcome:
        """As ControlledRun.outcome."""
        await publish({"done": 1})
        return await self.failure()

    async def failure(self) -> Any:
        """As FollowedJob.failure."""
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    async def terminate(self) -> None:
        """As ControlledRun.terminate."""
        await asyncio.sleep(0.05)
        self.killed += 1
        self.ended.set()

    delete = terminate


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], FakeRun]:
    """Gives both triggers a run with that result, a tiny dwell and an Airflow that takes XComs."""
    monkeypatch.setattr(control_trigger, "shortest_dwell_seconds", lambda: 0.1)
    monkeypatch.setattr(job_trigger, "shortest_dwell_seconds", lambda: 0.1)

    async def aset(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(BaseXCom, "aset", aset)

    def give(result: Any) -> FakeRun:
        fake = FakeRun(result)
        monkeypatch.setattr(control_run, "ControlledRun", fake)
        monkeypatch.setattr(job_run, "FollowedJob", fake)
        return fake

    return give


def events(trigger: BaseTrigger) -> tuple[list[TriggerEvent], float]:
    """Every event of the trigger, and the seconds after which the first one came."""

    async def collect() -> tuple[list[TriggerEvent], float]:
        clock = asyncio.get_running_loop().time
        start, first, found = clock(), 0.0, []
        async for event in trigger.run():
            first = first or clock() - start
            found.append(event)
        return found, first

    return asyncio.run(collect())


def test_a_controlled_run_that_succeeds_ends_its_task(given: Callable[[Any], FakeRun]) -> None:
    """Without a worker, with the XCom `outcome`, once, and not before the worker's exit was seen."""
    given(DRAINED)
    found, seconds = events(ControlTrigger(**CONTROL))
    assert [type(event) for event in found] == [TaskSuccessEvent]
    assert found[0].xcoms == {"outcome": DRAINED.to_dict()}
    assert seconds >= 0.1


@pytest.mark.parametrize(
    ("result", "payload"),
    [
        pytest.param(STALLED, {"failure": "stalled: stuck", "outcome": STALLED.to_dict()}, id="ended badly"),
        pytest.param(QueueLostError("gone"), {"failure": "the run can't be controlled: gone"}, id="not controlled"),
    ],
)
def test_a_controlled_run_that_fails_goes_to_its_operator(
    given: Callable[[Any], FakeRun], result: Any, payload: dict[str, Any]
) -> None:
    """A plain event: one that fails the task would have it tried again."""
    given(result)
    found, _ = events(ControlTrigger(**CONTROL))
    assert [(type(event), event.payload) for event in found] == [(TriggerEvent, payload)]
    assert json.loads(json.dumps(payload)) == payload


@pytest.mark.parametrize("failure", [None, "the Job failed: BackoffLimitExceeded"], ids=["success", "failure"])
def test_a_job_that_ends_is_one_event(given: Callable[[Any], FakeRun], failure: str | None) -> None:
    """A success ends the task; a failure is told to the operator."""
    given(failure)
    found, seconds = events(JobTrigger(**ARGUMENTS))
    assert len(found) == 1
    assert type(found[0]) is (TaskSuccessEvent if failure is None else TriggerEvent)
    assert failure is None or found[0].payload == {"failure": failure}
    assert seconds >= 0.1


def test_an_airflow_that_takes_no_xcom_does_not_stop_control(
    given: Callable[[Any], FakeRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress is lost, the run is not."""
    given(DRAINED)
    log = RecordingLog()
    monkeypatch.setattr(ControlTrigger, "log", log)

    async def aset(*_: Any, **__: Any) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr(BaseXCom, "aset", aset)
    assert type(events(ControlTrigger(**CONTROL))[0][0]) is TaskSuccessEvent
    assert "warning: the XCom progress could not be written: no database" in log.lines


@pytest.mark.parametrize(("work", "ends"), [(0.0, 5.0), (9.0, 9.0)], ids=["early", "late"])
def test_the_dwell_is_a_minimum(work: float, ends: float) -> None:
    """What takes longer anyway is not made longer."""

    async def main(clock: VirtualClock) -> float:
        async with ending(5.0):
            await clock.sleep(work)
        return clock.monotonic()

    assert run_virtual(main) == ends


def test_the_dwell_follows_airflows_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's exit is seen that late."""
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "3")
    assert shortest_dwell_seconds() == 3.5


# -- on_kill --------------------------------------------------------------------------


def marked(monkeypatch: pytest.MonkeyPatch, state: str | None) -> None:
    """Airflow's answer to what the task's state is now."""

    def states(dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        assert (dag_id, task_ids, run_ids) == ("d", ["t"], ["r"])
        return {"r": {"t": state}} if state else {}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))


def trigger_of(kind: type[Any], arguments: dict[str, Any]) -> Any:
    """A trigger as the triggerer has it: with its task instance."""
    trigger = kind(**arguments)
    trigger.task_instance = SimpleNamespace(dag_id="d", run_id="r", task_id="t")
    return trigger


@pytest.mark.parametrize(("kind", "arguments"), TRIGGERS)
@pytest.mark.parametrize(
    ("state", "killed"),
    [("failed", 1), ("deferred", 0), ("success", 0), ("running", 0), ("scheduled", 0), (None, 0)],
)
def test_only_a_failed_mark_ends_the_run(
    given: Callable[[Any], FakeRun],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Any],
    arguments: dict[str, Any],
    state: str | None,
    killed: int,
) -> None:
    """Airflow calls on_kill on live runs too: after a stall, on a clear, on a mark as success."""
    fake = given(None)
    marked(monkeypatch, state)
    asyncio.run(trigger_of(kind, arguments).on_kill())
    assert fake.killed == killed


@pytest.mark.parametrize(("kind", "arguments"), TRIGGERS)
@pytest.mark.parametrize("cancelled_after", [0.0, 0.02])
def test_on_kill_works_on_when_it_is_cancelled(
    given: Callable[[Any], FakeRun],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Any],
    arguments: dict[str, Any],
    cancelled_after: float,
) -> None:
    """The triggerer cancels on_kill after about a second, also while Airflow's first answer is still on its way."""
    fake = given(None)
    marked(monkeypatch, "failed")

    async def main() -> None:
        task = asyncio.create_task(trigger_of(kind, arguments).on_kill())
        await asyncio.sleep(cancelled_after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        gc.collect()
        await asyncio.wait_for(fake.ended.wait(), 10)

    asyncio.run(main())
    assert fake.killed == 1


# -- what the triggers run --------------------------------------------------------------


class FakeTriggerCluster:
    """A TriggerCluster that keeps what was announced."""

    def __init__(self, announce_error: Exception | None = None) -> None:
        self.announced: list[str] = []
        self.announce_error = announce_error

    def __call__(self, *_: Any) -> FakeTriggerCluster:
        """As the class's own call."""
        return self

    async def announce(self, outcome: str) -> None:
        """As TriggerCluster.announce."""
        if self.announce_error is not None:
            raise self.announce_error
        self.announced.append(outcome)


@pytest.mark.parametrize(
    ("result", "announced"),
    [
        pytest.param(DRAINED, "succeeded", id="success"),
        pytest.param(STALLED, "failed", id="failure"),
        pytest.param(QueueLostError("gone"), "failed", id="no control"),
    ],
)
@pytest.mark.parametrize("error", [None, ClusterUnavailableError("no answer")], ids=["told", "not told"])
def test_the_outcome_is_announced_to_the_jobs_task(
    monkeypatch: pytest.MonkeyPatch, result: Outcome | KubeJobsError, announced: str, error: Exception | None
) -> None:
    """On the Job, which that task follows; what can't be announced is logged and changes no outcome."""
    cluster, log = FakeTriggerCluster(error), RecordingLog()
    monkeypatch.setattr(control_run, "TriggerCluster", cluster)
    run = control_run.ControlledRun(RunIdentity("d", "r"), "c", "n", 1.0, log)

    async def control(_: Any) -> Outcome:
        if isinstance(result, KubeJobsError):
            raise result
        return result

    monkeypatch.setattr(run, "_control", control)
    if isinstance(result, KubeJobsError):
        with pytest.raises(QueueLostError):
            asyncio.run(run.outcome(lambda _: None))
    else:
        assert asyncio.run(run.outcome(lambda _: None)) is result
    assert cluster.announced == ([] if error else [announced])
    assert ("could not be written on the Job" in log.text) == (error is not None)


class EndingCluster:
    """A TriggerCluster whose waits end as listed."""

    def __init__(self, *ends: Any) -> None:
        self.ends = list(ends)

    async def wait_until_ended(self) -> Any:
        """As TriggerCluster.wait_until_ended."""
        await asyncio.sleep(1.0)
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


def job(**fields: Any) -> job_run.JobStatus:
    """A Job's status."""
    return job_run.JobStatus(parallelism=1, **fields)


DOWN = ClusterUnavailableError("no answer")


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        pytest.param([job(complete=True)], None, id="complete"),
        pytest.param([job(outcome="succeeded")], None, id="control says success"),
        pytest.param([job(outcome="failed")], "the task `control` says why", id="control says failure"),
        pytest.param([job(failure="BackoffLimitExceeded: x")], "the Job failed: Backoff", id="failed"),
        pytest.param([ObjectGoneError("404")], "was deleted from outside this run", id="gone"),
        pytest.param([DOWN, DOWN, job(complete=True)], None, id="out of reach for a while"),
        pytest.param([DOWN] * 50, "gave up after 60 s: no answer", id="out of reach for too long"),
        pytest.param([ConfigurationError("no such connection")], "no such connection", id="connection deleted"),
    ],
)
def test_how_a_followed_job_ends(monkeypatch: pytest.MonkeyPatch, ends: list[Any], said: str | None) -> None:
    """A reason in words, or none; an outage shorter than the patience is no end."""
    monkeypatch.setattr(job_run, "TriggerCluster", lambda *_: EndingCluster(*ends))
    followed = job_run.FollowedJob(RunIdentity("d", "r"), "c", "n", 60.0, RecordingLog())
    failure = run_virtual(lambda _: followed.failure())
    assert failure is None if said is None else said in str(failure)


def test_a_waking_clock_ends_one_sleep_early() -> None:
    """The sleep that goes on, or the next one; then it sleeps as any other."""

    async def main(clock: VirtualClock) -> list[float]:
        waking, times = control_run.WakingClock(), []
        asyncio.get_running_loop().call_later(1.0, waking.wake)
        for _ in range(2):
            await waking.sleep(10.0)
            times.append(clock.monotonic())
        waking.wake()
        await waking.sleep(10.0)
        times.append(clock.monotonic())
        return times

    assert run_virtual(main) == [1.0, 11.0, 11.0]


def test_outcomes_hold_counts_and_words_only() -> None:
    """What goes into an event, which Airflow logs: no environment, no address, no item."""
    outcome = Outcome(
        OutcomeKind.DRAINED, success=True, message="m", ended_at=1.0, elapsed_seconds=1.0, counts=Counts()
    )
    assert set(outcome.to_dict()) == {"kind", "success", "message", "ended_at", "elapsed_seconds", "counts"}
    assert all(isinstance(count, int) for count in outcome.to_dict()["counts"].values())
