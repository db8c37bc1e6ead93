"""The loop's own times; none of them belongs to a submission."""

from __future__ import annotations

from dataclasses import dataclass

_SHORTEST_EXIT_GRACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ControlTimings:
    """All in seconds; the defaults suit a cluster of one's own.

    leader_ttl_seconds: a loop that is silent for this long may be replaced; renewed three times as often.
    call_timeout_seconds: longest wait for one answer of the queue or of Kubernetes.
    progress_interval_seconds: shortest time between two calls of `on_progress`.
    exit_grace_seconds: time that workers have to exit by themselves once no item is left; None: a minute, or their
        termination grace period where that is longer.
    job_wait_seconds: how long the Job may take to be created.
    end_pause_seconds: pause between two looks while the run's end is near or workers drain.
    """

    leader_ttl_seconds: float = 15.0
    call_timeout_seconds: float = 10.0
    progress_interval_seconds: float = 5.0
    exit_grace_seconds: float | None = None
    job_wait_seconds: float = 300.0
    end_pause_seconds: float = 1.0

    @property
    def longest_pause_seconds(self) -> float:
        """Longest time between two looks: keeps the leader's lock, and bounds how late a signal is seen."""
        return self.leader_ttl_seconds / 3

    def exit_grace(self, termination_grace_period: int) -> float:
        """Seconds that workers have to exit by themselves, for a Job of this termination grace period."""
        if self.exit_grace_seconds is not None:
            return self.exit_grace_seconds
        return max(_SHORTEST_EXIT_GRACE_SECONDS, float(termination_grace_period))
