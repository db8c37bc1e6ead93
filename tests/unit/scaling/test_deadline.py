"""The policy `deadline`: what it decides, and what always holds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubejobs.durations import DurationSketch, bucket_of
from kubejobs.scaling.deadline import DeadlinePolicy
from kubejobs.scaling.limits import Bounds
from kubejobs.scaling.types import Decision, Observation, PolicyState, Reason

POLICY = DeadlinePolicy(Bounds(1, 20), interval_seconds=10.0, lease_seconds=60.0)


def look(elapsed: float, done: int, **changes: int) -> Observation:
    """A look at a run of 1,000 items and 1,000 s with 5 replicas, all ready and busy unless said otherwise."""
    seen = Observation(
        elapsed_seconds=elapsed,
        expected_seconds=1000.0,
        total=1000,
        queued=0,
        leased=5,
        done=done,
        failed=0,
        dead=0,
        desired_replicas=5,
        ready_replicas=5,
        pending_replicas=0,
        terminating_replicas=0,
    )
    seen = replace(seen, **changes)
    return seen if "queued" in changes else replace(seen, queued=seen.total - seen.leased - done)


def decided(*looks: Observation, policy: DeadlinePolicy = POLICY) -> Decision:
    """The last decision after some looks; the memory goes through JSON as it does in the queue."""
    state, decision = PolicyState(), None
    for seen in looks:
        decision, state = policy.decide(seen, PolicyState(json.loads(json.dumps(state.values))))
    assert decision is not None
    return decision


def paced(item_seconds: float, until: float = 200.0, **changes: int) -> list[Observation]:
    """Looks every 10 s at 5 replicas that take `item_seconds` for an item; the changes are those of the last look."""
    times = [10.0 * n for n in range(round(until / 10) + 1)]
    looks = [look(t, int(5 * t / item_seconds)) for t in times]
    return [*looks[:-1], look(times[-1], looks[-1].done, **changes)]


@pytest.mark.parametrize(
    ("item_seconds", "fewest", "most", "reason"),
    [
        (4.2, 5, 5, Reason.DEADLINE_ON_COURSE),
        (9.0, 10, 17, Reason.DEADLINE_AT_RISK),
        (1.0, 1, 2, Reason.DEADLINE_SAFE),
        (200.0, 20, 20, Reason.DEADLINE_UNREACHABLE),
    ],
    ids=["on-course", "too-slow", "more-than-needed", "cannot-be-met"],
)
def test_takes_the_replicas_that_the_pace_calls_for(
    item_seconds: float, fewest: int, most: int, reason: Reason
) -> None:
    """About work over time with a reserve; as many as may be when nothing will do."""
    decision = decided(*paced(item_seconds))
    assert fewest <= decision.replicas <= most
    assert decision.reason is reason


def test_explores_with_few_replicas_until_an_item_has_ended() -> None:
    """At the very start, nothing being ready, only a few replicas stay; a little later the number is left alone."""
    nothing = {"leased": 0, "ready_replicas": 0, "pending_replicas": 5}
    assert decided(look(5.0, 0, **nothing)).replicas == 2
    assert decided(look(50.0, 0, **nothing)).replicas == 5


def test_items_that_take_long_already_call_for_more() -> None:
    """No item has ended, but what has passed of those in progress is more than there is time for."""
    decision = decided(look(0.0, 0), look(50.0, 0))
    assert decision.replicas == 20
    assert decision.reason is Reason.RATE_UNKNOWN


def test_a_sudden_slow_down_is_answered_before_any_slow_item_has_ended() -> None:
    """The last part of the list takes much longer: after some looks without a completion replicas are added."""
    looks = paced(3.0, 500.0)
    done = looks[-1].done
    stalled = [look(500.0 + 10 * n, done) for n in range(1, 7)]
    assert decided(*looks).replicas <= 5
    assert decided(*looks, *stalled).replicas > 5


def test_an_empty_queue_needs_no_idle_replicas() -> None:
    """Only the minimum is kept: removed workers end their item first."""
    decision = decided(*paced(4.2, queued=0, total=238))
    assert (decision.replicas, decision.reason) == (1, Reason.LAST_ITEMS)


def test_with_lost_items_some_are_kept_for_their_return() -> None:
    """Items of workers that are gone come back after their lease, and need a replica then."""
    looks = [replace(seen, leased=9, queued=seen.queued - 4) for seen in paced(4.2)]
    last = replace(looks[-1], queued=0, leased=3, total=looks[-1].done + 3)
    assert decided(*looks, replace(last, elapsed_seconds=210.0)).replicas == 3


def test_with_a_short_grace_period_nothing_is_removed_at_the_end() -> None:
    """A removed worker would lose its item, and there would be no time to do it again."""
    short = replace(POLICY, grace_seconds=1.0)
    looks = paced(20.0, 900.0)
    last = look(910.0, looks[-1].done, queued=0, total=looks[-1].done + 5)
    assert decided(*looks, last, policy=short).replicas == 5
    assert decided(*looks, last).replicas == 1


def test_items_that_keep_arriving_keep_their_replicas() -> None:
    """The queue is empty at one look, but a steady stream has filled it so far."""
    looks = [replace(seen, total=seen.done + 25, queued=20) for seen in paced(4.2)]
    last = replace(looks[-1], elapsed_seconds=210.0, queued=0, total=looks[-1].total + 12, done=looks[-1].total + 7)
    assert decided(*looks, last).replicas >= 3


def test_replicas_without_room_are_given_back_and_asked_for_again_later() -> None:
    """Pods that stay pending are dropped; after some time room is looked for again."""
    full = [replace(seen, desired_replicas=12, pending_replicas=7, unschedulable_pods=7) for seen in paced(9.0, 40.0)]
    decision = decided(*full)
    assert (decision.replicas, decision.reason) == (5, Reason.CAPACITY_LIMITED)
    later = [look(40.0 + 10 * n, full[-1].done + 5 * n) for n in range(1, 20)]
    assert decided(*full, *later).replicas > 5


def test_a_cap_for_runs_that_will_be_late() -> None:
    """With `late_maximum` a run that can't end in time any more takes no more replicas than that."""
    capped = replace(POLICY, late_maximum=8)
    assert decided(*paced(200.0), policy=capped).replicas == 8


def test_known_durations_make_room_for_long_last_items() -> None:
    """A long item among many calls for an earlier end than the mean alone."""
    sketch = DurationSketch({bucket_of(3.0): 90, bucket_of(90.0): 10})
    looks = paced(4.0, 400.0)
    told = [*looks[:-1], replace(looks[-1], durations=sketch)]
    aims = [decision.message.split("aim ")[1].split(" s")[0] for decision in (decided(*looks), decided(*told))]
    assert float(aims[1]) < float(aims[0])


def test_goes_on_after_its_memory_is_lost() -> None:
    """What has ended so far tells the pace at once."""
    assert decided(look(400.0, 100)).replicas == 20
    assert decided(look(400.0, 800)).replicas <= 5


@pytest.mark.parametrize(
    "values",
    [{}, {"rate": 3}, {"look": {"ended": "x"}, "rate": {"recent_items": [1.0]}}, {"rate": {"busy": float("nan")}}],
    ids=["empty", "not-a-mapping", "wrong-types", "not-finite"],
)
def test_a_damaged_memory_is_no_error(values: dict[str, object]) -> None:
    """What makes no sense is as at the start of a run."""
    assert POLICY.decide(look(400.0, 400), PolicyState(values)) == POLICY.decide(look(400.0, 400), PolicyState())


def test_the_message_has_the_numbers() -> None:
    """What is left, the pace, the projected and the earliest end, the aim and its reserve, and the change."""
    message = decided(*paced(9.0)).message
    for part in ("884 items queued", "ends at", "of 1000 s", "with 20", "aim", "reserve", "needs", "replicas 5 → "):
        assert part in message


COUNTS = st.integers(0, 2000)
LOOKS = st.lists(
    st.tuples(st.floats(0, 3000), COUNTS, COUNTS, COUNTS, st.integers(1, 20), st.integers(0, 20), st.integers(0, 20)),
    min_size=1,
    max_size=8,
)


def looks_of(drawn: list[tuple[float, int, int, int, int, int, int]]) -> list[Observation]:
    """Observations of any kind, even ones that contradict each other."""
    return [
        look(t, done, queued=queued, leased=leased, total=max(1, queued + leased + done), desired_replicas=desired,
             ready_replicas=ready, pending_replicas=pending)
        for t, queued, leased, done, desired, ready, pending in drawn
    ]  # fmt: skip


@settings(deadline=None)
@given(drawn=LOOKS)
def test_is_bounded_deterministic_and_json(drawn: list[tuple[float, int, int, int, int, int, int]]) -> None:
    """Whatever is seen: within the bounds, never more than before where there are too few items, the same each time."""
    looks = looks_of(drawn)
    decision, last = decided(*looks), looks[-1]
    assert 1 <= decision.replicas <= 20
    assert decision.replicas <= max(1, last.queued + last.leased, last.desired_replicas)
    assert decision == decided(*looks)
