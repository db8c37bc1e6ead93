"""What a queue keeps beside the items, and what it tells of them: on both kinds."""

import json

import pytest

from kubejobs.errors import LeadershipLostError, QueueError, QueueLostError
from kubejobs.workqueue.leasing import Ending, Outcome, QueueState, RetryDelays
from kubejobs.workqueue.types import Counts, Signal
from support.queue_backends import Backend

ERROR = '{"type":"E","message":"m","traceback":"t"}'


def test_a_finished_fill_is_recognised(backend: Backend) -> None:
    """A second one changes nothing and says how many there are, those that have arrived since included."""
    assert backend.queue.fill(["a", "b"], close=False) == 2
    backend.queue.append(["c"])
    assert backend.queue.fill(["d"]) == 3
    assert backend.queue.snapshot().counts == Counts(queued=3)
    assert not backend.queue.snapshot().closed


@pytest.mark.parametrize("item", ["", "two\nlines"], ids=["empty", "two lines"])
def test_an_item_is_one_line(backend: Backend, item: str) -> None:
    """Others are refused, whether filled or appended."""
    with pytest.raises(QueueError, match="one line"):
        backend.queue.fill(["good", item])
    backend.queue.fill([], close=False)
    with pytest.raises(QueueError, match="one line"):
        backend.queue.append(["good", item])
    assert backend.queue.snapshot().counts == Counts()


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda backend: backend.queue.snapshot(), id="snapshot"),
        pytest.param(lambda backend: backend.queue.append(["a"]), id="append"),
        pytest.param(lambda backend: backend.queue.append([]), id="append nothing"),
        pytest.param(lambda backend: backend.queue.mark_closed(), id="close"),
        pytest.param(lambda backend: backend.queue.verify(), id="verify"),
        pytest.param(lambda backend: backend.worker().turn(), id="turn"),
        pytest.param(lambda backend: backend.worker().close_queue(), id="a worker's close"),
        pytest.param(lambda backend: backend.control(lambda queue: queue.snapshot()), id="control's look"),
        pytest.param(lambda backend: backend.control(lambda queue: queue.recover_expired()), id="recover"),
        pytest.param(lambda backend: backend.control(lambda queue: queue.request_drain(1, ["p"])), id="drain"),
        pytest.param(lambda backend: backend.control(lambda queue: queue.record_exits({})), id="exits"),
        pytest.param(lambda backend: backend.control(lambda queue: queue.hold_queued()), id="hold"),
        pytest.param(lambda backend: backend.control(lambda queue: queue.acquire_leadership("o", 1)), id="lead"),
        pytest.param(lambda backend: backend.control(lambda queue: queue.save_turn(1, {}, {})), id="save"),
    ],
)
def test_a_run_that_is_not_there_is_said_to_be_lost(backend: Backend, use: object) -> None:
    """Before the fill and after the run was deleted nothing is taken for empty, and nothing is written."""
    for _ in range(2):
        with pytest.raises(QueueLostError):
            use(backend)
        backend.queue.fill(["a"])
        backend.queue.delete_run()


def test_leased_items_are_told(backend: Backend) -> None:
    """With whom they are, for which time, and for how long."""
    backend.queue.fill([*map(str, range(150)), (1, "urgent")])
    pods = [backend.worker(f"pod-{number:03}", lease_seconds=100 + number) for number in range(110)]
    pods[0].turn()
    pods[0].turn([Outcome(1, Ending.FAIL)], take=0)
    for pod in pods:
        pod.turn()
    leased = list(backend.queue.iter_leased())
    assert [record["item"] for record in leased] == [str(number) for number in range(110)]
    assert [record["worker"] for record in leased] == [f"pod-{number:03}" for number in range(110)]
    assert {record["attempt"] for record in leased} == {1}
    assert all(40 < record["expires_in_seconds"] <= 210 for record in leased)


def test_retried_items_are_told(backend: Backend) -> None:
    """How often they were tried, and what went wrong last; until they end."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker(delays=RetryDelays(0, 0))
    pod.turn(take=2)
    assert pod.turn([Outcome(1, Ending.RETRY, ERROR), Outcome(2, Ending.RETRY, ERROR)]).items == ("b",)
    assert pod.turn([Outcome(1, Ending.RETURN)], take=2).items == ("b",)
    assert pod.turn([Outcome(1, Ending.RETRY)]).items == ("b",)
    retrying = {record["item"]: record for record in backend.queue.iter_retrying()}
    assert retrying["b"] == {"item": "b", "attempts": 2, "error": json.loads(ERROR)}
    assert retrying["a"]["attempts"] == 1
    [leased] = backend.queue.iter_leased()
    assert leased["attempt"] == 3
    while pod.turn().state is QueueState.LEASED:
        pass
    assert list(backend.queue.iter_retrying()) == []


def test_results_are_told_in_order(backend: Backend) -> None:
    """As workers gave them."""
    backend.queue.fill(["a", "b"])
    pod = backend.worker()
    pod.turn(take=2)
    pod.turn([Outcome(1, Ending.RESULT, '["a",{"n":1}]'), Outcome(2, Ending.RESULT, '["b",null]')])
    assert list(backend.queue.iter_results()) == [{"item": "a", "result": {"n": 1}}, {"item": "b", "result": None}]


@pytest.mark.parametrize("kind", ["retrying", "dead"])
def test_errors_are_whole_for_the_first_thousand(backend: Backend, kind: str) -> None:
    """Of more than that a few words are kept, cut between characters; no error is dropped."""
    backend.queue.fill(map(str, range(1500)))
    pod = backend.worker(max_attempts=1 if kind == "dead" else 3, delays=RetryDelays(100, 100))
    message = "12345678901234567890123456789012345678ü and more"
    error = json.dumps({"type": "ValueError", "message": message, "traceback": "t" * 1500})
    for _ in range(3):
        pod.turn([Outcome(place, Ending.RETRY, error) for place in range(1, 501)], take=500)
    pod.turn([Outcome(place, Ending.RETRY, error) for place in range(1, 501)], take=0)
    records = backend.queue.iter_failures() if kind == "dead" else backend.queue.iter_retrying()
    errors = [record["error"] for record in records]
    short = {"type": "ValueError", "message": message[:38]}
    assert sorted(map(len, errors)) == [2] * 500 + [3] * 1000
    assert [error for error in errors if len(error) == 2] == [short] * 500


@pytest.mark.parametrize("error", ["not JSON", "[1]", "null", '{"message":7}'])
def test_odd_errors_are_shortened_to_something_readable(backend: Backend, error: str) -> None:
    """A worker of any language may have written them."""
    backend.queue.fill(map(str, range(1001)))
    pod = backend.worker(max_attempts=1)
    pod.turn(take=1000)
    pod.turn([Outcome(place, Ending.FAIL) for place in range(1, 1001)])
    pod.turn([Outcome(1, Ending.FAIL, error)])
    last = list(backend.queue.iter_failures())[-1]
    assert last["error"] in (None, {"type": "", "message": ""})


def test_the_plan_and_the_clock_are_kept(backend: Backend) -> None:
    """Both are there before the run is filled."""
    assert backend.queue.read_plan() is None
    backend.queue.write_plan('{"ü": 1}')
    assert backend.queue.read_plan() == backend.control(lambda queue: queue.read_plan()) == '{"ü": 1}'
    started = backend.queue.start_clock()
    assert backend.queue.start_clock() == started


def test_one_loop_leads(backend: Backend) -> None:
    """Another owner waits while the leader is not silent; the same one is let in at once; the old token is refused."""
    backend.queue.fill(["a"])
    first = backend.control(lambda queue: queue.acquire_leadership("one", 60))
    assert backend.control(lambda queue: queue.acquire_leadership("two", 60)) is None
    again = backend.control(lambda queue: queue.acquire_leadership("one", 60))
    assert again > first
    for call in (lambda queue: queue.renew_leadership(first, 60), lambda queue: queue.save_turn(first, {}, {})):
        with pytest.raises(LeadershipLostError):
            backend.control(call)
    backend.control(lambda queue: queue.release_leadership(first))
    assert backend.control(lambda queue: queue.acquire_leadership("two", 60)) is None
    backend.control(lambda queue: queue.renew_leadership(again, 60))
    backend.control(lambda queue: queue.save_turn(again, {"turn": 1}, {"sum": 0.5}))
    backend.control(lambda queue: queue.release_leadership(again))
    assert backend.control(lambda queue: queue.acquire_leadership("two", 60)) > again
    assert list(backend.queue.iter_journal()) == [{"turn": 1}]
    assert backend.control(lambda queue: queue.load_state()) == {"sum": 0.5}


def test_a_signal_is_told(backend: Backend) -> None:
    """By whomever it was given."""
    backend.queue.fill(["a"])
    backend.queue.signal_run(Signal.STOP)
    assert backend.queue.snapshot().signal is Signal.STOP
    backend.control(lambda queue: queue.signal_run(Signal.TERMINATE))
    assert backend.control(lambda queue: queue.snapshot()).signal is Signal.TERMINATE


def test_a_new_run_agrees_with_itself(backend: Backend) -> None:
    """Nothing is wrong with a queue that was filled and worked off."""
    backend.queue.fill(map(str, range(30)))
    assert backend.queue.verify() == ()
    pod = backend.worker(max_attempts=1)
    while (turn := pod.turn(take=7)).items:
        assert backend.queue.verify() == ()
        if "8" in turn.items:
            pod.turn([Outcome(1, Ending.FAIL), Outcome(2, Ending.RETRY)], take=0)
    assert backend.queue.snapshot().counts == Counts(done=28, failed=1, dead=1)
    assert backend.queue.verify() == ()
