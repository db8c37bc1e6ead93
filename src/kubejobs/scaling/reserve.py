"""When the work should end, so that what is not known yet can still be done in time.

Rule: pure formulas over an `Outlook`. Times are of the run's clock, work is replica-seconds at the present pace.

The list is worked off in order, so its last part is met last, and may hold items that take many times as long. The aim
is the end of a straight line (a constant number of replicas, the cheapest way) through the latest moment at which a
share q of the list may be left: from then on q and a surprise as large as the share e of all work can just be done by
the most replicas there are,

    D - (q + e) · work / most - last items - leases - a look,

and never later than a fixed share of D. It follows Jockey (A. D. Ferguson, P. Bodik, S. Kandula, E. Boutin,
R. Fonseca, "Jockey: guaranteed job latency in data parallel clusters", EuroSys 2012), whose slack is one factor; here
it depends on the headroom, as what could not be done in time anyway needs no reserve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

SURPRISE: Final = 0.89
"""e above: the last items may bring nearly as much work again as all that is known."""
SURPRISE_LEFT: Final = 0.089
"""q above: share of the list that may be left when such a surprise begins."""
REACHABLE: Final = 0.7
"""No reserve for a surprise which the most replicas could not work off in this share of the expected time."""
LATEST_AIM: Final = 0.84
"""The aim is at most this share of the expected time: start-ups, chance and looks take the rest."""
AIM_TAIL: Final = 1.0
"""Share of the last items' time by which that is earlier still."""
LAST_ITEMS: Final = 2.8
"""Item times that the last items are given: they run alone, and the longest decides."""
SURPRISE_ITEMS: Final = 0.2
"""Part of a surprise that makes the last item longer rather than the list."""
LONGEST_TAIL: Final = 0.071
"""Share of the expected time that the last items are given at most."""
NOTICE_LOOKS: Final = 0.7
"""Looks until a surprise is seen."""
LEASE_WEIGHT: Final = 7.5
"""Weight on the expected number of items lost during a last lease; at one, a whole lease is reserved."""
LEAST_AIM: Final = 0.447
"""The aim lies at least this share of the time left ahead: an earlier end costs more than it can save."""
CONTENTION: Final = 0.0042
"""Slow-down of all by each further busy replica, when nothing is known: shared stores are seldom quite free."""
LEAST_GROWTH: Final = 0.3
"""Share of the time left that new replicas work at least; with less nothing can be decided by numbers."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known at one look.

    `most_replicas` fit and are allowed; `items_left` counts those in progress in part; `longest_seconds` is the time of
    a long item, 0 if no durations are known.
    """

    elapsed_seconds: float
    expected_seconds: float
    interval_seconds: float
    item_seconds: float
    longest_seconds: float
    items_left: float
    items_total: int
    ready_replicas: int
    most_replicas: int
    availability: float
    lag_seconds: float
    lease_seconds: float
    caution: float = 1.0

    @property
    def work_seconds(self) -> float:
        """Replica-seconds of the items left."""
        return self.items_left * self.item_seconds

    @property
    def left_share(self) -> float:
        """Share of the items that is left."""
        return self.items_left / self.items_total

    @property
    def left_seconds(self) -> float:
        """Time left until the run is expected to end."""
        return self.expected_seconds - self.elapsed_seconds

    @property
    def full_pace(self) -> float:
        """Replica-seconds a second of the most replicas, as the present ones do them."""
        speed = (1 + CONTENTION * max(0, self.ready_replicas - 1)) / (1 + CONTENTION * (self.most_replicas - 1))
        return self.most_replicas * self.availability * speed

    @property
    def full_seconds(self) -> float:
        """Time that all items would take the most replicas, the ended ones included."""
        return self.items_total * self.item_seconds / self.full_pace


@dataclass(frozen=True, slots=True)
class Reserve:
    """A `surprise` as a share of all work, time kept for the last items and leases, and when the work should end."""

    surprise: float
    tail_seconds: float
    aim_seconds: float


def reserve_for(outlook: Outlook) -> Reserve:
    """The reserve that an outlook asks for."""
    expected, item = outlook.expected_seconds, outlook.item_seconds
    surprise = _surprise(outlook)
    longest = max(LAST_ITEMS * item, outlook.longest_seconds)
    last = min(longest, LONGEST_TAIL * expected) + outlook.lease_seconds
    longer = min(SURPRISE_ITEMS * surprise / SURPRISE_LEFT * item, max(LONGEST_TAIL * expected - last, 0.0))
    tail = last + longer
    return Reserve(surprise, tail, _aim(outlook, surprise, tail))


def _surprise(outlook: Outlook) -> float:
    """As large as is cared for, and as could be met at all."""
    if outlook.caution <= 0:
        return 0.0
    reachable = 1 - (1 - REACHABLE) / outlook.caution
    return max(0.0, min(outlook.caution * SURPRISE, reachable * outlook.expected_seconds / outlook.full_seconds - 1))


def _aim(outlook: Outlook, surprise: float, tail: float) -> float:
    now, share, expected = outlook.elapsed_seconds, outlook.left_share, outlook.expected_seconds
    left = min(SURPRISE_LEFT, share)
    reserved = (left + surprise * left / SURPRISE_LEFT) * outlook.full_seconds
    turn = expected - reserved - tail - NOTICE_LOOKS * outlook.interval_seconds
    line = now + (turn - now) * share / (share - left) if share > left else expected
    aim = min(line, LATEST_AIM * expected - AIM_TAIL * tail)
    return max(aim, now + _least(outlook, tail), now)


def _least(outlook: Outlook, tail: float) -> float:
    time = outlook.left_seconds - tail
    lag = outlook.lag_seconds if outlook.work_seconds > outlook.ready_replicas * time * LEAST_AIM else 0.0
    return lag + (time - lag) * LEAST_AIM


def lease_reserve(lease_seconds: float, lost: int, busy_seconds: float, replicas: int, item_seconds: float) -> float:
    """Seconds to keep for items whose workers die near the end.

    Losses are taken to come at the observed rate per busy replica-second; an item that is lost during the last lease
    and item time ends that much later.
    """
    if not lost or busy_seconds <= 0:
        return 0.0
    expected = lost / busy_seconds * replicas * (lease_seconds + item_seconds)
    return lease_seconds * min(1.0, LEASE_WEIGHT * expected)


def replicas_to_end(outlook: Outlook, at_seconds: float, lag_seconds: float) -> float:
    """Replicas, not rounded, that end the work at `at_seconds` when new ones take `lag_seconds` to come.

    k busy replicas do k / (1 + c·(k - 1)) replica-seconds a second, c the contention (the linear term of Gunther's
    universal scalability law). Infinite if no number will do.
    """
    left = at_seconds - outlook.elapsed_seconds
    if left <= 0:
        return math.inf
    ready, pace = outlook.ready_replicas, outlook.work_seconds / left
    if pace > ready:
        pace = ready + (outlook.work_seconds - ready * left) / max(left - lag_seconds, LEAST_GROWTH * left)
    free = 1 + CONTENTION * max(0, ready - 1) - CONTENTION * pace
    return pace * (1 - CONTENTION) / free / outlook.availability if free > 0 else math.inf
