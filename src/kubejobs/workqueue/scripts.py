"""The Lua scripts by which every change of the ledger is made in one atomic step.

Rule: scripts are plain EVALSHA/EVAL scripts, for any Redis-compatible server from 6.2; a server that has forgotten
them (a restart, a failover) is sent the text again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).with_name("scripts")


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its text and the SHA-1 by which servers know it."""

    text: str
    sha: str


def _load(*names: str) -> Script:
    text = "\n".join((_FOLDER / f"{part}.lua").read_text(encoding="utf-8") for part in names)
    # Not a secret's digest: SHA-1 is the name that EVALSHA prescribes.
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


TURN = _load("turn_plain", "common", "turn")
RENEW = _load("common", "renew")
RECOVER = _load("common", "recover")
RECOVER_FOREIGN = _load("common", "recover_foreign")
SNAPSHOT = _load("common", "snapshot")
HOLD = _load("common", "hold")
FILL_BEGIN = _load("common", "fill_begin")
FILL_FINISH = _load("common", "fill_finish")
APPEND = _load("common", "append")
CLOSE = _load("common", "close")
LEAD = _load("common", "lead")
KEEP_LEAD = _load("common", "keep_lead")
SAVE_TURN = _load("common", "save_turn")
UNSTART = _load("common", "unstart")
LEAVE = _load("common", "leave")
DRAIN = _load("common", "drain")
EXITS = _load("common", "exits")
VERIFY = _load("common", "verify")
ORPHANS = _load("common", "orphans")
LEASED = _load("common", "leased")
