"""The policy `deadline`: the fewest replicas that end the work by the expected time, with a reserve for surprises.

Rule: everything is measured in this run, from counts; durations of single items are used where workers tell them. The
number stays as it is while the work's projected end lies between too early and too late, so that a change is worth what
it costs: a start-up, or an item that a leaving replica still has to end.

    time of an item      rate.py      start-up, availability           supply.py, room.py
    losses, arrivals     flow.py      aim, reserve, replicas needed    reserve.py, plan.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from kubejobs.scaling.deadline_memory import Memory
from kubejobs.scaling.deadline_words import because
from kubejobs.scaling.limits import Bounds
from kubejobs.scaling.plan import Plan, plan_for
from kubejobs.scaling.rate import HALF_DONE
from kubejobs.scaling.reserve import Outlook, lease_reserve, replicas_to_end
from kubejobs.scaling.types import Decision, Observation, PolicyState, Reason

EXPLORE_SHARE: Final = 0.1
EXPLORE_FEWEST: Final = 2
"""Replicas that find out how long an item takes: this share of the initial ones, and two at least."""
EXPLORE_TIME: Final = 0.0064
"""Only in this share of the expected time: later the initial replicas are needed for the work itself."""
FIRST_AIM: Final = 0.7
"""Share of the expected time by which the work should end while no item has ended."""
FIRST_AGES: Final = 0.86
"""Ages of the items in progress that an item is taken to last, then: no more than is certain, as it is early."""
TREND: Final = 0.78
"""Share of a recent slow-down that is taken to hold for the items left, on top of what has been seen of it."""
EVIDENCE_ITEMS: Final = 5.0
"""Items' time for which more have to be needed before they are added, so that chance alone adds none."""
URGENT: Final = 1.5
"""More replicas than this times those there are, are added at once."""
FEWEST_ENDED: Final = 10
"""Items that have to have ended before replicas are taken away, unless half of them do."""
LAST_SHARE: Final = 0.17
LAST_FACTOR: Final = 3.0
"""In the last share of the list only a drop by this factor is worth a change."""
GRACE_FACTOR: Final = 4.0
"""Workers whose grace period is shorter than so many item times are likely to lose their item when they are removed."""
RISKY_DROP: Final = 0.6
"""Then replicas are taken away only if fewer than this share are left, which pays for the lost items."""
REDO_SHARE: Final = 0.9
REDO_ITEMS: Final = 2.0
"""And near the end not at all: what is lost has to be leased again and done by this share of the expected time."""
TAIL_QUANTILE: Final = 0.98
TAIL_SAMPLE: Final = 50
"""With so many durations known, that quantile of them is the time that the last items may take."""


@dataclass(frozen=True, slots=True)
class DeadlinePolicy:
    """`grace_seconds` is a removed worker's time to end its item: infinite where workers are drained.

    `late_maximum`: most replicas once the expected time can't be met any more; None: as many as ever. `caution` scales
    the reserve for surprises: 0 none, 1 the usual one; with more a run ends earlier, on more replicas, and is late less
    often.
    """

    bounds: Bounds
    interval_seconds: float
    lease_seconds: float
    grace_seconds: float = math.inf
    late_maximum: int | None = None
    caution: float = 1.0

    def decide(self, observation: Observation, state: PolicyState) -> tuple[Decision, PolicyState]:
        """The replicas needed now, why, and what was measured so far."""
        before = Memory.of(state)
        memory = before.after(observation)
        if not memory.rate.known:
            decision = self._without_rate(observation, memory)
        elif not observation.queued:
            decision = self._nothing_queued(observation, memory)
        else:
            worked = memory.rate.total_seconds - before.rate.total_seconds
            decision, behind = self._planned(observation, memory, worked)
            return decision, replace(memory, behind_items=behind).state()
        return decision, replace(memory, behind_items=0.0).state()

    def _without_rate(self, seen: Observation, memory: Memory) -> Decision:
        """No item has ended: a few replicas find out; items that take long already may call for more."""
        replicas, age = seen.desired_replicas, memory.rate.age_seconds
        if not age:
            early = seen.elapsed_seconds < EXPLORE_TIME * seen.expected_seconds and not seen.ready_replicas
            few = max(EXPLORE_FEWEST, math.ceil(EXPLORE_SHARE * replicas))
            wanted = self.bounds.clamp(min(replicas, few)) if early else replicas
            return Decision(wanted, Reason.RATE_UNKNOWN, f"no item has ended yet, replicas {replicas} → {wanted}")
        outlook = replace(self._outlook(seen, memory, FIRST_AGES * age), items_left=seen.queued, availability=1.0)
        needed = replicas_to_end(outlook, FIRST_AIM * seen.expected_seconds, outlook.lag_seconds)
        wanted = max(replicas, self._whole(needed - 0.5, seen, self.bounds.maximum)) if seen.queued else replicas
        return Decision(
            wanted,
            Reason.RATE_UNKNOWN,
            f"no item has ended after {age:.0f} s on average; if they take {FIRST_AGES * age:.0f} s, "
            f"{needed:.1f} replicas are needed, replicas {replicas} → {wanted}",
        )

    def _nothing_queued(self, seen: Observation, memory: Memory) -> Decision:
        """Only items in progress are left: the others need no replica, unless items come back or keep coming."""
        replicas, item, few = seen.desired_replicas, memory.rate.mean_seconds, self.bounds.minimum
        if self._risky(item) and self._no_redo(seen, item):
            few = replicas
        elif memory.flow.orphan_seconds >= 1:
            few = max(few, seen.leased)
        few = min(replicas, max(few, math.ceil(memory.flow.trickle_per_second * item)))
        few = self.bounds.clamp(few)
        message = f"no item is queued, {seen.leased} are in progress, replicas {replicas} → {few}"
        return Decision(few, Reason.LAST_ITEMS, message)

    def _planned(self, seen: Observation, memory: Memory, worked: float) -> tuple[Decision, float]:
        outlook = self._outlook(seen, memory, self._item_seconds(seen, memory))
        plan, room = plan_for(outlook), self._room(memory)
        maximum, unreachable = room, plan.earliest_seconds > seen.expected_seconds
        if unreachable and self.late_maximum is not None:
            maximum = self.bounds.clamp(min(room, self.late_maximum))
        replicas, wanted = seen.desired_replicas, self._whole(plan.replicas, seen, maximum)
        behind = 0.0
        if maximum < replicas:
            wanted, reason = maximum, Reason.CAPACITY_LIMITED if room < replicas else Reason.DEADLINE_UNREACHABLE
        elif wanted > replicas and plan.more(replicas):
            behind = memory.behind_items + worked / outlook.item_seconds
            sure = wanted >= URGENT * replicas or behind >= EVIDENCE_ITEMS
            wanted, reason = (wanted, Reason.DEADLINE_AT_RISK) if sure else (replicas, Reason.DEADLINE_ON_COURSE)
        elif wanted < replicas and self._fewer(seen, outlook, plan, wanted):
            reason = Reason.DEADLINE_SAFE
        else:
            wanted, reason = self._idle(seen, outlook)
        if unreachable and reason is not Reason.CAPACITY_LIMITED:
            reason = Reason.DEADLINE_UNREACHABLE
        return Decision(wanted, reason, because(seen, outlook, plan, wanted)), behind

    def _outlook(self, seen: Observation, memory: Memory, item_seconds: float) -> Outlook:
        gone = max(0, seen.leased - seen.ready_replicas)
        rate, longest = memory.rate, None
        if seen.durations.count >= TAIL_SAMPLE:
            longest = seen.durations.quantile(TAIL_QUANTILE)
        return Outlook(
            elapsed_seconds=seen.elapsed_seconds,
            expected_seconds=seen.expected_seconds,
            interval_seconds=self.interval_seconds,
            item_seconds=item_seconds,
            longest_seconds=longest or 0.0,
            items_left=seen.queued + HALF_DONE * min(seen.leased, seen.ready_replicas) + gone,
            items_total=seen.total,
            ready_replicas=seen.ready_replicas,
            most_replicas=max(1, min(self.bounds.maximum, memory.room.replicas or self.bounds.maximum)),
            availability=memory.supply.availability(seen.expected_seconds),
            lag_seconds=memory.supply.lag_seconds,
            lease_seconds=lease_reserve(
                self.lease_seconds, memory.flow.lost, rate.total_seconds, seen.desired_replicas, item_seconds
            ),
            caution=self.caution,
        )

    def _item_seconds(self, seen: Observation, memory: Memory) -> float:
        """Time of an item now, and for those left as far as a slow-down is likely to go on."""
        rate = memory.rate
        left = seen.queued + HALF_DONE * seen.leased
        slowdown = rate.slowdown(left)
        return rate.mean_seconds * slowdown * (1 + TREND * (slowdown - 1) * left / seen.total)

    def _fewer(self, seen: Observation, outlook: Outlook, plan: Plan, wanted: int) -> bool:
        replicas = seen.desired_replicas
        if not plan.fewer(replicas):
            return False
        if seen.done + seen.failed + seen.dead < FEWEST_ENDED and plan.needed_early >= replicas / 2:
            return False
        if self._risky(outlook.item_seconds) and wanted > RISKY_DROP * replicas:
            return False
        return outlook.left_share >= LAST_SHARE or wanted * LAST_FACTOR <= replicas

    def _idle(self, seen: Observation, outlook: Outlook) -> tuple[int, Reason]:
        """As it is, but no more replicas than items."""
        useful = self.bounds.clamp(seen.queued + seen.leased)
        if useful < seen.desired_replicas and not self._risky(outlook.item_seconds):
            return useful, Reason.DEADLINE_SAFE
        return seen.desired_replicas, Reason.DEADLINE_ON_COURSE

    def _whole(self, needed: float, seen: Observation, maximum: int) -> int:
        """Whole replicas: no more than items, nor than `maximum`; never fewer than the minimum."""
        most = min(maximum, seen.queued + seen.leased)
        return self.bounds.clamp(most if needed >= most else math.ceil(needed))

    def _room(self, memory: Memory) -> int:
        return self.bounds.clamp(memory.room.replicas or self.bounds.maximum)

    def _risky(self, item_seconds: float) -> bool:
        return self.grace_seconds < GRACE_FACTOR * item_seconds

    def _no_redo(self, seen: Observation, item_seconds: float) -> bool:
        redone = seen.elapsed_seconds + self.lease_seconds + REDO_ITEMS * item_seconds
        return redone > REDO_SHARE * seen.expected_seconds
