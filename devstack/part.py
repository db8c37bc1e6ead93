"""A part of the stack: one program, how it is started and how long it may take to stop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Part:
    """One program.

    It starts once every part in `after` has ended well (those have `once`: they do a job and end), and at least
    `delay_seconds` after the stack. `stop_seconds` is how long it may take to end when asked to.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    after: tuple[str, ...] = ()
    once: bool = False
    delay_seconds: float = 0.0
    stop_seconds: float = 5.0

    def to_json(self) -> dict[str, Any]:
        """JSON values that `from_json` reads."""
        return asdict(self) | {"log": str(self.log)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The part that `to_json` wrote."""
        return cls(
            **values
            | {"command": tuple(values["command"]), "log": Path(values["log"]), "after": tuple(values["after"])}
        )
