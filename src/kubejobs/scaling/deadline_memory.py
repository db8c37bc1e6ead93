"""What the policy `deadline` remembers between two decisions.

Rule: a loop that starts without the memory, or with a damaged one, goes on with what the counts of the whole run say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kubejobs.scaling.flow import Flow
from kubejobs.scaling.look import Look
from kubejobs.scaling.memory import remembered, restored
from kubejobs.scaling.rate import Rate
from kubejobs.scaling.room import Room
from kubejobs.scaling.supply import LAG_PRIOR_SECONDS, Supply
from kubejobs.scaling.types import Observation, PolicyState

_PARTS = ("look", "rate", "supply", "room", "flow")
_BEHIND_ITEMS = "behind_items"


@dataclass(frozen=True, slots=True)
class Memory:
    """Estimates and the last look. `behind_items`: how many items' time more replicas have been called for."""

    look: Look = field(default_factory=Look)
    rate: Rate = field(default_factory=Rate)
    supply: Supply = field(default_factory=Supply)
    room: Room = field(default_factory=Room)
    flow: Flow = field(default_factory=Flow)
    behind_items: float = 0.0

    @classmethod
    def of(cls, state: PolicyState) -> Memory:
        """The memory that a state holds, as far as it does."""
        values = state.values
        behind = values.get(_BEHIND_ITEMS)
        return cls(
            look=restored(Look, values.get("look")),
            rate=restored(Rate, values.get("rate")),
            supply=restored(Supply, values.get("supply")),
            room=restored(Room, values.get("room")),
            flow=restored(Flow, values.get("flow")),
            behind_items=behind if isinstance(behind, float) else 0.0,
        )

    def state(self) -> PolicyState:
        """The state that holds this memory; JSON-compatible."""
        parts = {name: remembered(getattr(self, name)) for name in _PARTS}
        return PolicyState({**parts, _BEHIND_ITEMS: self.behind_items})

    def after(self, observation: Observation) -> Memory:
        """The memory after another look; a clock that does not go on teaches nothing."""
        now = Look.of(observation)
        if not self.look.seen:
            return replace(self, look=now, rate=_first_rate(observation, now))
        seconds = now.elapsed_seconds - self.look.elapsed_seconds
        if seconds <= 0:
            return replace(self, look=now)
        expected, ended = observation.expected_seconds, max(0, now.ended - self.look.ended)
        supply = self.supply.after(self.look, now, limited=self.room.limited)
        return replace(
            self,
            look=now,
            rate=self.rate.after(seconds, now.busy, ended, expected),
            supply=supply,
            room=self.room.after(self.look, now, supply.waiting_seconds(now.pending), expected),
            flow=self.flow.after(self.look, now, expected),
        )


def _first_rate(observation: Observation, now: Look) -> Rate:
    """Items that ended before the first look tell a mean: by their durations, else by the replicas there are now."""
    if not now.ended:
        return Rate(busy=now.busy)
    mean = observation.durations.mean()
    if mean is None:
        worked = max(now.elapsed_seconds - LAG_PRIOR_SECONDS, 1.0) * max(1, now.desired)
        mean = worked / now.ended
    return Rate().started(mean, now.busy)
