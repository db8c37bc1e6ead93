"""A worker's turn on a ledger in memory: what scripts/turn.lua does, in the same order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from kubejobs.testing.ledger import Lease, Ledger, Limits, Session
from kubejobs.workqueue.leasing import MAX_BATCH, Ending, Outcome, QueueState, Settled, Turn

_SHARES_PER_WORKER: Final = 2
_DUE_PER_TURN: Final = 100
_LEASES_PER_TURN: Final = 10
_SHORTEST_DELAY_SECONDS: Final = 0.001


class Request(NamedTuple):
    """What a worker says in one turn; as LeaseClient.turn."""

    session: str
    number: int
    settling: str
    outcomes: Iterable[Outcome]
    take: int
    others: Ending
    worked_seconds: float
    durations: Mapping[int, int] | None
    share: bool
    lease_seconds: float
    limits: Limits


def take_turn(ledger: Ledger, request: Request) -> Turn:
    """Settle the lease that the worker has, and give it the next; the same turn again changes nothing."""
    ledger.check()
    last = ledger.sessions.get(request.session)
    if last is not None and last.number == request.number:
        return _repeated(ledger, last)
    settled = _settle(ledger, request) if request.settling else Settled.NONE
    state, lease, attempt = _take(ledger, request)
    name = lease.name if lease else ""
    ledger.sessions[request.session] = Session(request.number, settled, state, name)
    return Turn(settled, state, name, tuple(lease.items) if lease else (), attempt)


def _repeated(ledger: Ledger, last: Session) -> Turn:
    if not last.lease:
        return Turn(last.settled, last.state, "", (), 1)
    lease = ledger.leases.get(last.lease)
    if lease is None:
        return Turn(last.settled, QueueState.WAITING, "", (), 1)
    return Turn(last.settled, last.state, lease.name, tuple(lease.items), _attempt(ledger, lease.items[0]))


def _attempt(ledger: Ledger, item: str) -> int:
    tries = ledger.tries.get(item)
    return tries.attempts + 1 if tries else 1


def _settle(ledger: Ledger, request: Request) -> Settled:
    lease = ledger.leases.pop(request.settling, None)
    if lease is None:
        return Settled.EXPIRED
    done = lease.items
    if request.outcomes or request.others is Ending.RETURN:
        done = _settle_named(ledger, request, lease)
    if ledger.tries:
        for item in done:
            ledger.tries.pop(item, None)
    tally = ledger.tally
    tally.done += len(done)
    tally.worked_seconds += request.worked_seconds
    tally.last_acknowledged_at = ledger.clock.now()
    for bucket, count in (request.durations or {}).items():
        ledger.durations[bucket] = ledger.durations.get(bucket, 0) + count
    return Settled.SETTLED


def _settle_named(ledger: Ledger, request: Request, lease: Lease) -> list[str]:
    named = {outcome.place: outcome for outcome in request.outcomes}
    done: list[str] = []
    returned: list[str] = []
    for place, item in enumerate(lease.items, 1):
        outcome = named.get(place)
        ending, text = (outcome.ending, outcome.text or None) if outcome else (request.others, None)
        if ending is Ending.RETURN:
            returned.append(item)
        elif ending is Ending.RETRY:
            _retry(ledger, item, lease, text, request.limits)
        elif ending is Ending.FAIL:
            attempts = _attempt(ledger, item)
            ledger.give_up("failed", item, attempts, "FailedByWorker", text, lease.worker)
        else:
            done.append(item)
            if ending is Ending.RESULT and text:
                ledger.results.append(text)
    ledger.put_back(returned, lease.level)
    return done


def _retry(ledger: Ledger, item: str, lease: Lease, problem: str | None, limits: Limits) -> None:
    if not ledger.may_run_again(item, limits.max_attempts, "AttemptsUsedUp", problem, lease.worker):
        return
    ledger.tally.delays += 1
    longest = min(limits.longest_seconds, math.ldexp(limits.first_seconds, min(ledger.tries[item].attempts - 1, 64)))
    seconds = longest * (1 + ledger.jitter()) / 2
    if seconds < _SHORTEST_DELAY_SECONDS or ledger.signal is not None:
        ledger.put_back([item], lease.level)
    else:
        ledger.delay(item, lease.level, seconds, ledger.tally.delays)


def _take(ledger: Ledger, request: Request) -> tuple[QueueState, Lease | None, int]:
    if ledger.signal is not None:
        return QueueState.STOPPED, None, 1
    ledger.requeue_due(_DUE_PER_TURN)
    ledger.take_over_expired(_LEASES_PER_TURN, request.limits.max_attempts)
    if ledger.drain_requests is not None and _is_drained(ledger, request):
        state = _state_when_empty(ledger)
        return (state if state is QueueState.DRAINED else QueueState.DRAINING), None, 1
    if request.take > 0:
        for level in range(len(ledger.levels) - 1, -1, -1):
            if ledger.levels[level]:
                return _lease_items(ledger, request, level)
    return _state_when_empty(ledger), None, 1


def _is_drained(ledger: Ledger, request: Request) -> bool:
    """Whether this worker was asked to lease no more; whoever comes first takes the next request."""
    worker = request.session.rpartition("/")[0]
    if worker in ledger.drained:
        return True
    if request.take == 0 or not ledger.drain_requests:
        return False
    ledger.drain_requests -= 1
    ledger.drained[worker] = ledger.clock.now()
    return True


def _state_when_empty(ledger: Ledger) -> QueueState:
    if ledger.closed and not ledger.leases and not ledger.delayed and not ledger.queued_count():
        return QueueState.DRAINED
    return QueueState.WAITING


def _lease_items(ledger: Ledger, request: Request, level: int) -> tuple[QueueState, Lease, int]:
    queue, wanted = ledger.levels[level], min(request.take, MAX_BATCH)
    if request.share and wanted > 1:
        share = math.ceil(len(queue) / (_SHARES_PER_WORKER * max(len(ledger.sessions), 1)))
        wanted = max(min(wanted, share), 1)
    items, attempt = _take_items(ledger, queue, wanted)
    now, tally = ledger.clock.now(), ledger.tally
    name = f"{request.session}.{request.number}@{level}" if level else f"{request.session}.{request.number}"
    lease = Lease(name, request.session.rpartition("/")[0], level, items, now + request.lease_seconds)
    ledger.grant(lease)
    tally.deliveries += len(items)
    if tally.first_leased_at is None:
        tally.first_leased_at = now
    return QueueState.LEASED, lease, attempt


def _take_items(ledger: Ledger, queue: deque[str], wanted: int) -> tuple[list[str], int]:
    """The next items, and for which time they are delivered; one that was delivered before is leased alone."""
    items = [queue.popleft()]
    if not ledger.tries:
        items += [queue.popleft() for _ in range(min(wanted - 1, len(queue)))]
        return items, 1
    attempt = _attempt(ledger, items[0])
    while attempt == 1 and len(items) < wanted and queue and queue[0] not in ledger.tries:
        items.append(queue.popleft())
    return items, attempt
