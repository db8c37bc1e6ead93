"""Workers' ends as the control loop notes them, on both kinds of queue: their items are back at once."""

import json

import pytest

from kubejobs.workqueue.leasing import Ending, Outcome, QueueState, Settled
from kubejobs.workqueue.types import Counts, DrainStatus, Signal, WorkerExit
from support.queue_backends import Backend

OOM = WorkerExit("OOMKilled", "container worker used more than its memory limit of 1Gi", 137)
TAKEN = WorkerExit("DeletionByTaintManager", "its node is gone", blames_items=False)


def record(backend: Backend, max_attempts: int = 3, **exits: WorkerExit) -> int:
    """One note of the control loop; names with _ for -."""
    ends = {name.replace("_", "-"): end for name, end in exits.items()}
    return backend.control(lambda queue: queue.record_exits(ends), max_attempts=max_attempts)


def test_what_it_held_is_back_at_once(backend: Backend) -> None:
    """No lease has to expire; what the worker says later, if it lives, changes nothing."""
    backend.queue.fill(["a", "b", "c"])
    dead, other = backend.worker("pod-1"), backend.worker("pod-2")
    dead.turn(take=2)
    other.turn()
    assert record(backend, pod_1=OOM) == 2
    assert backend.queue.snapshot().counts == Counts(queued=2, leased=1)
    assert other.turn().items == ("a",)
    assert dead.turn(take=0).settled is Settled.EXPIRED
    assert backend.queue.snapshot().counts == Counts(queued=1, leased=1, done=1)


def test_a_blamed_item_has_the_worker_s_end_as_its_error(backend: Backend) -> None:
    """An item whose worker was killed for its memory says so, as does the record when it is given up."""
    backend.queue.fill(["greedy"])
    backend.worker("pod-1").turn()
    record(backend, pod_1=OOM, max_attempts=2)
    [retrying] = backend.queue.iter_retrying()
    assert retrying == {
        "item": "greedy",
        "attempts": 1,
        "error": {"type": "OOMKilled", "message": OOM.message},
    }
    turn = backend.worker("pod-2").turn()
    assert turn.attempt == 2
    assert record(backend, pod_2=OOM, max_attempts=2) == 1
    [failure] = backend.queue.iter_failures()
    assert (failure["kind"], failure["reason"], failure["attempts"]) == ("dead", "OOMKilled", 2)
    assert failure["error"]["message"] == OOM.message
    assert failure["worker"] == "pod-2"
    assert list(backend.queue.iter_retrying()) == []


def test_blameless_items_are_not_counted(backend: Backend) -> None:
    """When the cluster took the worker away, its items are new to the next one, even at the last attempt."""
    backend.queue.fill(["a", "b"])
    backend.worker("pod-1").turn(take=2)
    assert record(backend, pod_1=TAKEN, max_attempts=1) == 2
    turn = backend.worker("pod-2").turn(take=2)
    assert (turn.items, turn.attempt) == (("a", "b"), 1)
    assert list(backend.queue.iter_retrying()) == []


def test_a_lease_that_turns_up_later_has_the_same_reason(backend: Backend) -> None:
    """A turn that was on its way when the end was noted is judged by it when it expires."""
    backend.queue.fill(["a"])
    record(backend, pod_1=TAKEN)
    backend.worker("pod-1").turn()
    backend.pass_time()
    assert backend.worker("pod-2").turn().attempt == 1


def test_sessions_and_drains_of_ended_workers_are_forgotten(backend: Backend) -> None:
    """They have no share, and no place among those that were asked to go."""
    backend.queue.fill(["a", "b", "c"], close=False)
    gone = [backend.worker("pod-1") for _ in range(2)]
    backend.worker("pod-2").turn()
    backend.control(lambda queue: queue.request_drain(1, ["pod-1"]))
    for session in gone:
        assert session.turn().state is QueueState.DRAINING
    assert backend.queue.snapshot().sessions == 3
    record(backend, pod_1=TAKEN)
    assert backend.queue.snapshot().sessions == 1
    assert backend.control(lambda queue: queue.request_drain(1, ["pod-2"])) == DrainStatus(asked=1)


def test_all_of_many_are_noted(backend: Backend) -> None:
    """Several workers, with several sessions each, and one that held nothing."""
    backend.queue.fill([(number % 2, str(number)) for number in range(12)])
    for name in ("pod-1", "pod-1", "pod-2"):
        backend.worker(name).turn(take=2)
    assert record(backend, pod_1=OOM, pod_2=TAKEN, pod_3=WorkerExit("Error", "exit code 3", 3)) == 6
    exits = {line.pop("worker"): line for line in backend.queue.iter_exits()}
    assert {name: line["items"] for name, line in exits.items()} == {"pod-1": 4, "pod-2": 2, "pod-3": 0}
    assert exits["pod-3"]["exit_code"] == 3
    assert exits["pod-2"]["exit_code"] is None
    assert [exits[name]["blames_items"] for name in ("pod-1", "pod-2")] == [True, False]
    assert all(abs(line["time"] - backend.queue.snapshot().time) < 60 for line in exits.values())
    assert backend.queue.verify() == ()


def test_a_second_note_keeps_what_the_first_found(backend: Backend) -> None:
    """The control loop may say it again."""
    backend.queue.fill(["a", "b"])
    backend.worker("pod-1").turn(take=2)
    record(backend, pod_1=OOM)
    assert record(backend, pod_1=OOM) == 0
    [line] = backend.queue.iter_exits()
    assert (line["worker"], line["items"], line["reason"]) == ("pod-1", 2, "OOMKilled")


def test_nothing_to_note_changes_nothing(backend: Backend) -> None:
    """Most looks find no end."""
    backend.queue.fill(["a"])
    backend.worker("pod-1").turn()
    assert record(backend) == 0
    assert backend.queue.snapshot().counts == Counts(leased=1)


@pytest.mark.parametrize("text", ['a "quoted" reason', "Ünicode", ""])
def test_any_words_make_a_record(backend: Backend, text: str) -> None:
    """Reasons and messages come from elsewhere; the records stay JSON."""
    backend.queue.fill(["a"])
    backend.worker("pod-1").turn()
    record(backend, pod_1=WorkerExit(text, text), max_attempts=1)
    [failure] = backend.queue.iter_failures()
    assert failure["reason"] == text
    assert failure["error"] == {"type": text, "message": text}
    assert json.dumps(failure)


def test_a_stopped_run_holds_what_ended_workers_had(backend: Backend) -> None:
    """Nothing is queued again after a stop."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker("pod-1")
    pod.turn()
    backend.queue.signal_run(Signal.STOP)
    record(backend, pod_1=OOM)
    assert backend.queue.snapshot().counts == Counts(queued=1, held=1)
    assert pod.turn([Outcome(1, Ending.FAIL)]).state is QueueState.STOPPED
