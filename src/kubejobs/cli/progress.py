"""The progress of a run as its control task publishes it, and the one line that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

_BAR_CELLS = 24


@dataclass(frozen=True, slots=True)
class Progress:
    """The XCom `progress` of the task `control`: counts of items, the rate in items per second, times in seconds."""

    done: int
    failed: int
    dead: int
    total: int
    rate: float
    replicas: int
    eta_seconds: float | None
    expected_seconds: float
    elapsed_seconds: float
    state: str
    draining: int = 0

    @classmethod
    def from_xcom(cls, value: Any) -> Self | None:
        """The progress in an XCom's value; None when there is none yet."""
        if not isinstance(value, dict):
            return None
        eta = value.get("eta_seconds")
        return cls(
            done=int(value.get("done", 0)),
            failed=int(value.get("failed", 0)),
            dead=int(value.get("dead", 0)),
            total=int(value.get("total", 0)),
            rate=float(value.get("rate") or 0.0),
            replicas=int(value.get("replicas", 0)),
            eta_seconds=None if eta is None else float(eta),
            expected_seconds=float(value.get("expected_seconds") or 0.0),
            elapsed_seconds=float(value.get("elapsed_seconds") or 0.0),
            state=str(value.get("state", "")),
            draining=int(value.get("draining") or 0),
        )

    @property
    def share(self) -> float:
        """Finished items as a share of all, from 0 to 1."""
        return min((self.done + self.failed + self.dead) / self.total, 1.0) if self.total else 1.0

    @property
    def expected_finish_seconds(self) -> float | None:
        """When all items will be finished at the present rate, in seconds from the start of the run's clock."""
        return None if self.eta_seconds is None else self.elapsed_seconds + self.eta_seconds

    def line(self) -> str:
        """Done and total, rate, replicas, expected finish against the deadline."""
        filled = int(self.share * _BAR_CELLS)
        lost = self.failed + self.dead
        parts = [
            f"[{'#' * filled}{'.' * (_BAR_CELLS - filled)}] {self.done}/{self.total} items"
            + (f" ({lost} failed)" if lost else ""),
            f"{self.rate:.1f}/s",
            f"{self.replicas} replica{'' if self.replicas == 1 else 's'}"
            + (f" ({self.draining} draining)" if self.draining else ""),
            f"{self.elapsed_seconds:.0f} s of {self.expected_seconds:.0f} s",
            self._finish(),
        ]
        return " | ".join(parts)

    def _finish(self) -> str:
        finish = self.expected_finish_seconds
        if finish is None:
            return "finish not known yet"
        spare = self.expected_seconds - finish
        return f"finish at {finish:.0f} s, " + (f"{spare:.0f} s early" if spare >= 0 else f"{-spare:.0f} s LATE")
