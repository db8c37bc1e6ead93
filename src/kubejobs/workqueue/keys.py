"""Every key of a run, in one place.

Rule: all keys are `<prefix>job` or begin with `<prefix>job:`; nothing else of a shared server is ever touched.
The first four and the lease keys are the open contract: workers of other images use them as they are.

Scripts are given the main list's key alone and make the others from it by the same suffixes, which keeps
each call small; so the queue's server is a single one (with replicas, if wanted), not a Redis Cluster.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """Names of one run's keys; types in parentheses are Redis' own."""

    prefix: str = ""

    @property
    def queued(self) -> str:
        """(list) Items to be leased; taken from the right."""
        return f"{self.prefix}job"

    @property
    def processing(self) -> str:
        """(list) Items with workers of the open contract."""
        return f"{self.queued}:processing"

    @property
    def errors(self) -> str:
        """(list) Items that workers of the open contract report as failed."""
        return f"{self.queued}:errors"

    @property
    def control(self) -> str:
        """(string) What was asked of the run: `stop` or `terminate`."""
        return f"{self.queued}:control"

    @property
    def held(self) -> str:
        """(list) What a stop took out of the queue."""
        return f"{self.queued}:held"

    @property
    def total(self) -> str:
        """(string) How many items the run has."""
        return f"{self.queued}:total"

    @property
    def filled(self) -> str:
        """(string) How many items deploy put in; absent until it has finished."""
        return f"{self.queued}:filled"

    @property
    def closed(self) -> str:
        """(string) Present when no more items will come."""
        return f"{self.queued}:closed"

    @property
    def plan(self) -> str:
        """(string) The run's plan, JSON."""
        return f"{self.queued}:plan"

    @property
    def started(self) -> str:
        """(string) When the run's clock started, seconds since the epoch."""
        return f"{self.queued}:started"

    @property
    def journal(self) -> str:
        """(list) One JSON line a turn of the control loop."""
        return f"{self.queued}:journal"

    @property
    def state(self) -> str:
        """(string) What the control loop remembers, JSON."""
        return f"{self.queued}:state"

    @property
    def failures(self) -> str:
        """(list) One JSON record an item that ended as failed or dead."""
        return f"{self.queued}:failures"

    @property
    def results(self) -> str:
        """(list) One JSON record a result."""
        return f"{self.queued}:results"

    @property
    def leases(self) -> str:
        """(sorted set) Leases of the client library by the time they expire."""
        return f"{self.queued}:leases"

    @property
    def tries(self) -> str:
        """(hash) Lines delivered without success: `<attempts> <last error's JSON>`."""
        return f"{self.queued}:tries"

    @property
    def exits(self) -> str:
        """(hash) Workers that ended without giving back their items: a JSON record each."""
        return f"{self.queued}:exits"

    def lease(self, name: str) -> str:
        """(list) The items of one lease of the client library."""
        return f"{self.queued}:lease:{name}"

    def level(self, priority: int) -> str:
        """(list) Items of a priority above 0."""
        return f"{self.queued}:level:{priority}"

    def filling(self, token: str) -> str:
        """(list) Items of a fill that has not finished."""
        return f"{self.queued}:filling:{token}"

    def session_lease(self, item: str | bytes) -> str:
        """(string with expiry) The rediswq example's lease of one item: SHA-224 of it, in hexadecimal."""
        data = item.encode("utf-8", "surrogateescape") if isinstance(item, str) else item
        return f"{self.queued}:leased_by_session:{hashlib.sha224(data).hexdigest()}"

    @property
    def pattern(self) -> str:
        """Glob pattern of every key but the main list, with the prefix taken literally."""
        return f"{_literal(self.queued)}:*"

    @property
    def lease_pattern(self) -> str:
        """Glob pattern of the lists of leases."""
        return f"{_literal(self.lease(''))}*"


def _literal(name: str) -> str:
    return "".join(f"\\{letter}" if letter in r"*?[]^\\" else letter for letter in name)
