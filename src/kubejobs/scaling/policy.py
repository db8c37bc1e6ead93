"""The interface of a policy.

Rule: bounds, gains and triggers are given when a policy is built; what it remembers goes through `PolicyState`, so that
a restarted loop decides as the one before it would have.
"""

from __future__ import annotations

from typing import Protocol

from kubejobs.scaling.types import Decision, Observation, PolicyState


class Policy(Protocol):
    """Turns one observation into one decision."""

    def decide(self, observation: Observation, state: PolicyState) -> tuple[Decision, PolicyState]:
        """How many replicas there should be now, and what to remember for the next time.

        `state` is what the last call returned, or an empty PolicyState at the start of a run.
        """
        ...
