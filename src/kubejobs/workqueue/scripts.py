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


def _load(name: str) -> Script:
    text = "\n".join((_FOLDER / f"{part}.lua").read_text(encoding="utf-8") for part in ("common", name))
    # Not a secret's digest: SHA-1 is the name that EVALSHA prescribes.
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


TURN = _load("turn")
RENEW = _load("renew")
RECOVER = _load("recover")
RECOVER_FOREIGN = _load("recover_foreign")
SNAPSHOT = _load("snapshot")
HOLD = _load("hold")
FILL_BEGIN = _load("fill_begin")
FILL_FINISH = _load("fill_finish")
APPEND = _load("append")
CLOSE = _load("close")
LEAD = _load("lead")
KEEP_LEAD = _load("keep_lead")
SAVE_TURN = _load("save_turn")
UNSTART = _load("unstart")
LEAVE = _load("leave")
DRAIN = _load("drain")
EXITS = _load("exits")
VERIFY = _load("verify")
ORPHANS = _load("orphans")
LEASED = _load("leased")
