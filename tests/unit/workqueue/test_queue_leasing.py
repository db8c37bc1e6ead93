"""What leases leave on a real server, and what they do when it forgets its scripts."""

from collections.abc import Callable, Iterator

import pytest
import redis

from kubejobs.errors import QueueUnavailableError
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.keys import QueueKeys
from kubejobs.workqueue.leasing import Ending, LeaseClient, Outcome, QueueState, RetryDelays
from kubejobs.workqueue.types import QueueAddress

ERROR = '{"type":"E","message":"m","traceback":"t"}'
MakeWorker = Callable[..., LeaseClient]


@pytest.fixture
def worker(address: QueueAddress) -> Iterator[MakeWorker]:
    """Makes workers of the run."""
    made: list[LeaseClient] = []

    def make(name: str = "pod-1", **options: object) -> LeaseClient:
        made.append(LeaseClient(address, name, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_done_items_leave_no_trace_but_the_count(
    queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys
) -> None:
    """Memory stays flat: what had to be remembered of retried items is forgotten when they are done."""
    queue.fill([(number % 3, f"item {number}") for number in range(20)])
    pod = worker(delays=RetryDelays(first_seconds=0))
    pod.turn(take=10)
    pod.turn([Outcome(place, Ending.RETRY, ERROR) for place in range(1, 6)], take=0)
    assert raw.hlen(keys.tries) == 5
    while pod.turn(take=10).state is QueueState.LEASED:
        pass
    left = {name.removeprefix(f"{keys.queued}:") for name in raw.scan_iter(keys.pattern)}
    assert left == {"total", "filled", "closed", "counts", "sessions"}
    pod.leave()
    assert not raw.exists(f"{keys.queued}:sessions")


def test_a_session_s_record_is_readable(
    queue: WorkQueue, worker: MakeWorker, raw: redis.Redis, keys: QueueKeys
) -> None:
    """It says the last turn, how that settled, what it found, when, and the lease."""
    queue.fill([(3, "a")])
    pod = worker("pod/with slash")
    pod.turn()
    turn, settled, state, since_ms, lease = raw.hget(f"{keys.queued}:sessions", pod.session).split(" ", 4)
    assert (turn, settled, state, lease) == ("1", "NONE", "LEASED", f"{pod.session}.1@3")
    assert abs(int(since_ms) / 1000 - raw.time()[0]) < 60
    assert next(queue.iter_leased())["worker"] == "pod/with slash"


def test_scripts_are_sent_again_to_a_server_that_forgot_them(
    queue: WorkQueue, worker: MakeWorker, raw: redis.Redis
) -> None:
    """After a restart or a failover the script cache is empty."""
    queue.fill(["a", "b"])
    pod = worker()
    pod.turn()
    raw.script_flush()
    assert pod.turn().items == ("b",)


@pytest.mark.parametrize("replies_lost", [1, 3])
def test_an_append_whose_reply_was_lost_adds_once(
    queue: WorkQueue, worker: MakeWorker, monkeypatch: pytest.MonkeyPatch, replies_lost: int
) -> None:
    """It is sent again until an answer comes, and counts as one."""
    queue.fill(["a"], close=False)
    pod = worker()
    lost = iter([True] * replies_lost)
    run = pod._run

    def losing(*arguments: object) -> list[object]:
        reply = run(*arguments)
        if next(lost, False):
            raise QueueUnavailableError("the reply was lost")
        return reply

    monkeypatch.setattr(pod, "_run", losing)
    monkeypatch.setattr("kubejobs.workqueue.appending.time.sleep", lambda _: None)
    assert pod.append(["b", "c"]) == 3
    assert queue.snapshot().counts.queued == 3
    pod.close_queue()
    assert queue.snapshot().closed


def test_tokens_of_appends_are_forgotten(queue: WorkQueue, raw: redis.Redis, keys: QueueKeys) -> None:
    """A producer that appends item by item fills no memory with them."""
    queue.fill([], close=False)
    for number in range(5):
        queue.append([str(number)])
    appends = f"{keys.queued}:appends"
    assert raw.zcard(appends) == 5
    for token in raw.zrange(appends, 0, -1):
        raw.zincrby(appends, -700_000, token)
    queue.append(["last"])
    assert raw.zcard(appends) == 1
