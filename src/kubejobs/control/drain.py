"""What is remembered of a scale-down that waits for workers to drain, and what follows from the pods' state. Pure.

Rule: level-triggered. Every look asks anew for what the target wants, so that a loop that starts anywhere goes on, and
asking twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubejobs.cluster.worker_pods import WorkerPod, removable

_MOST_STEPS = 16
_NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class DrainStep:
    """At `asked_at` (epoch, by the queue server's clock) no more than `target` workers were wanted."""

    asked_at: float
    target: int


@dataclass(frozen=True, slots=True)
class Drain:
    """A scale-down under way.

    steps: oldest first, with falling targets; none: the drain is cancelled, and kept until the queue knows it. noted:
    the target that the journal has.
    """

    steps: tuple[DrainStep, ...] = ()
    noted: int | None = None

    @property
    def target(self) -> int | None:
        """How many workers are wanted in the end; None once it is cancelled."""
        return self.steps[-1].target if self.steps else None

    def lowered(self, asked_at: float, target: int) -> Drain:
        """Fewer workers are wanted. The workers asked now have their whole time, those asked before keep theirs."""
        steps = (*self.steps, DrainStep(asked_at, target))
        if len(steps) > _MOST_STEPS:
            steps = (*steps[:-2], steps[-1])
        return replace(self, steps=steps)

    def raised(self, target: int) -> Drain:
        """More workers are wanted than before, still fewer than there are: those asked last need not go."""
        steps: list[DrainStep] = []
        for step in self.steps:
            steps.append(DrainStep(step.asked_at, max(step.target, target)))
            if step.target <= target:
                break
        return replace(self, steps=tuple(steps))

    def cancelled(self) -> Drain:
        """No worker need go any more."""
        return replace(self, steps=(), noted=None)

    def overdue(self, time: float, patience_seconds: float) -> int | None:
        """The target of the last step that is older than `patience_seconds`; None if none is."""
        targets = [step.target for step in self.steps if time - step.asked_at >= patience_seconds]
        return targets[-1] if targets else None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Drain:
        """The drain whose `asdict` this is."""
        steps = tuple(DrainStep(**step) for step in data["steps"])
        return cls(steps, data["noted"])


@dataclass(frozen=True, slots=True)
class DrainView:
    """A drain beside the Job's pods as they were just read, and the parallelism that the Job was asked for."""

    drain: Drain
    pods: tuple[WorkerPod, ...]
    parallelism: int

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the workers that the Job counts."""
        return tuple(pod.name for pod in self.pods if pod.active)

    @property
    def going(self) -> tuple[str, ...]:
        """Drained workers that Kubernetes is removing: woken now they would begin an item that they can't finish.

        Known by not being ready: which ones it chose is not told, and one may have drained after the last look.
        """
        return tuple(pod.name for pod in self.pods if _goes(pod))

    @property
    def settled(self) -> bool:
        """Whether Kubernetes has begun to remove all that it was asked to."""
        return len(self.active) <= self.parallelism

    @property
    def over(self) -> bool:
        """Whether there is nothing left to wait for."""
        target = self.parallelism if self.drain.target is None else self.drain.target
        return self.parallelism <= target and len(self.active) <= target and not self.going

    @property
    def wanted(self) -> int:
        """How many of `live` are to be idle."""
        target = self.drain.target
        excess = 0 if target is None else max(len(self.active) - target, 0)
        return excess + len(self.going)

    @property
    def live(self) -> tuple[str, ...]:
        """Workers that may be asked or stay idle; all others go on."""
        return self.going if self.drain.target is None else (*self.active, *self.going)

    @property
    def others(self) -> tuple[str, ...]:
        """Workers that are there and go on."""
        live = frozenset(self.live)
        return tuple(pod.name for pod in self.pods if pod.name not in live)

    @property
    def names(self) -> tuple[str, ...]:
        """All that are there."""
        return tuple(pod.name for pod in self.pods)

    def next_parallelism(self, drained: Collection[str]) -> int:
        """The least that Kubernetes can be asked for now without removing a worker that holds an item."""
        target = self.parallelism if self.drain.target is None else self.drain.target
        spared = len(self.active) - removable(self.pods, drained)
        return min(max(target, spared), self.parallelism)


def idle_count(pods: Iterable[WorkerPod], drained: Collection[str]) -> int:
    """Drained workers that Kubernetes counts as active and not ready: they are not pending."""
    return sum(pod.active and not pod.ready and pod.name in drained for pod in pods)


def _goes(pod: WorkerPod) -> bool:
    return pod.terminating and pod.phase == "Running" and not pod.ready and pod.disruption is None


def ended(pod: WorkerPod) -> bool:
    """Whether nothing of the pod runs any more."""
    return pod.phase in {"Succeeded", "Failed"}


def names_in_words(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"
