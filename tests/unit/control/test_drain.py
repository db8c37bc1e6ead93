"""What a drain remembers, and what it makes of the pods that are seen."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from kubejobs.cluster.worker_pods import WorkerPod
from kubejobs.control.drain import Drain, DrainStep, DrainView, idle_count, names_in_words


def drain(*steps: tuple[float, int]) -> Drain:
    """A drain of these times and targets."""
    return Drain(tuple(DrainStep(*step) for step in steps))


def pod(name: str, *, ready: bool = True, phase: str = "Running", terminating: bool = False) -> WorkerPod:
    """A pod on a node, older by name."""
    return WorkerPod(name, phase, assigned=True, ready=ready, terminating=terminating, created_at=ord(name[0]))


def busy(names: str) -> tuple[WorkerPod, ...]:
    """A ready pod for each letter."""
    return tuple(pod(name) for name in names)


def idle(names: str) -> tuple[WorkerPod, ...]:
    """A running pod that is not ready for each letter."""
    return tuple(pod(name, ready=False) for name in names)


def test_a_drain_survives_the_queue() -> None:
    """What is stored as JSON comes back the same."""
    kept = Drain((DrainStep(1.0, 5), DrainStep(2.0, 3)), 3)
    assert Drain.from_dict(json.loads(json.dumps(asdict(kept)))) == kept


@pytest.mark.parametrize(
    ("before", "target", "after"),
    [
        (drain((0, 6)), 7, drain((0, 7))),
        (drain((0, 10), (5, 7)), 8, drain((0, 10), (5, 8))),
        (drain((0, 10), (5, 7), (9, 4)), 8, drain((0, 10), (5, 8))),
        (drain((0, 10), (5, 7)), 10, drain((0, 10))),
        (drain((0, 10), (5, 7)), 12, drain((0, 12))),
    ],
    ids=["one-step", "last-step", "drops-the-last", "to-the-first", "above-the-first"],
)
def test_more_workers_wanted_spares_those_asked_last(before: Drain, target: int, after: Drain) -> None:
    """Those asked first keep their time."""
    assert before.raised(target) == after


@pytest.mark.parametrize(
    ("time", "overdue"), [(99.0, None), (100.0, 8), (104.0, 8), (105.0, 3)], ids=["none", "first", "still-one", "both"]
)
def test_each_step_has_its_own_patience(time: float, overdue: int | None) -> None:
    """What was asked later is overdue later."""
    assert Drain().lowered(0.0, 8).lowered(5.0, 3).overdue(time, 100.0) == overdue


def test_steps_are_bounded() -> None:
    """A thousand steps down keep the first ones' times and the last one's target, and never hurry anybody."""
    long = Drain()
    for step in range(1000):
        long = long.lowered(float(step), 2000 - step)
    assert len(long.steps) < 20
    assert long.target == 1001
    assert long.overdue(100.0, 100.0) == 2000
    assert all(step.target == 2000 - step.asked_at for step in long.steps)


@pytest.mark.parametrize(
    ("pods", "parallelism", "drained", "lower"),
    [
        (busy("abcd"), 4, "", 4),
        ((*busy("abc"), *idle("d")), 4, "d", 3),
        ((*busy("ab"), *idle("cd")), 4, "cd", 2),
        (idle("abcd"), 4, "abcd", 2),
        ((*busy("abc"), *idle("d")), 4, "", 4),
        (busy("abcd"), 4, "d", 4),
        ((*busy("abc"), pod("d", phase="Pending", ready=False)), 4, "", 3),
        (busy("abc"), 7, "", 3),
        ((*busy("abcde"), *idle("fg")), 6, "fg", 5),
        ((*busy("a"),), 2, "", 2),
    ],
    ids=[
        "all-busy", "one-idle", "two-idle", "more-idle-than-wanted", "not-ready-but-not-drained",
        "drained-but-still-ready", "not-started", "not-created", "removal-under-way", "fewer-than-the-target",
    ],
)  # fmt: skip
def test_the_parallelism_is_lowered_by_what_is_idle(
    pods: tuple[WorkerPod, ...], parallelism: int, drained: str, lower: int
) -> None:
    """To the target of 2 at the least, and never so that a worker with an item goes."""
    assert DrainView(drain((0, 2)), pods, parallelism).next_parallelism(set(drained)) == lower


def test_workers_that_are_being_removed_stay_drained() -> None:
    """Until they have ended they are asked for beside the others, so that none is woken to begin an item."""
    gone = WorkerPod("z", "Failed", assigned=True, ready=False, terminating=True, created_at=0.0)
    leaving = (pod("d", ready=False, terminating=True), pod("e", ready=True, terminating=True))
    view = DrainView(drain((0, 2)), (*busy("abc"), *leaving, gone), 3)
    assert view.going == ("d",)
    assert (view.wanted, view.live) == (2, ("a", "b", "c", "d"))
    assert not view.over


@pytest.mark.parametrize(
    ("view", "over"),
    [
        (DrainView(drain((0, 2)), busy("ab"), 2), True),
        (DrainView(drain((0, 2)), busy("abc"), 2), False),
        (DrainView(drain((0, 2)), busy("ab"), 3), False),
        (DrainView(drain((0, 2)), (*busy("ab"), pod("c", ready=False, terminating=True)), 2), False),
        (DrainView(drain(), busy("abc"), 3), True),
    ],
    ids=["reached", "not-removed-yet", "not-asked-yet", "ending", "cancelled"],
)
def test_when_a_drain_is_over(view: DrainView, over: bool) -> None:
    """When Kubernetes has removed what it was asked to, not when it was asked."""
    assert view.over is over


def test_a_cancelled_drain_wakes_all_but_those_that_go() -> None:
    """Only those that Kubernetes removes stay idle."""
    pods = (*busy("ab"), *idle("c"), pod("d", ready=False, terminating=True))
    view = DrainView(drain((0, 1)).cancelled(), pods, 3)
    assert (view.wanted, view.live) == (1, ("d",))


def test_drained_workers_are_not_pending() -> None:
    """Only active ones that Kubernetes sees not ready."""
    pods = (*idle("ab"), *busy("c"), pod("d", ready=False, terminating=True))
    assert idle_count(pods, {"a", "c", "d"}) == 1


def test_names_in_words_are_bounded() -> None:
    """Ten names, and how many more."""
    assert names_in_words(["a", "b"]) == "a, b"
    assert names_in_words([str(number) for number in range(12)]).endswith("8, 9 and 2 more")
