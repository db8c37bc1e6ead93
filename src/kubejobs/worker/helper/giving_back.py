"""When a long item keeps others of its lease waiting, those are given back. See `slots` for why that is safe."""

from __future__ import annotations

from collections.abc import Callable

from kubejobs.worker.helper.slots import Slot

PATIENCE_SECONDS = 0.5
"""How long an item runs before what waits behind it is given back; batches are made of far shorter ones."""
FENCE_SECONDS = 0.02
"""Longer than a write stays invisible to other processors, by orders of magnitude."""

GiveBack = Callable[[str, int], None]
"""Gives back the items of a lease after the first ones; raises what a lost connection raises."""


class Impatience:
    """Watches one session's slot."""

    def __init__(self, slot: Slot, give_back: GiveBack, wait: Callable[[float], object]) -> None:
        self._slot = slot
        self._give_back = give_back
        self._wait = wait
        self._word = 0
        self._since = 0.0
        self._done = 0

    def look(self, now: float) -> None:
        """Give back what waits, if it has waited long enough; `now` is a steady clock's, in seconds.

        Where `give_back` raises, the next look tries again; the worker starts none of these items meanwhile.
        """
        word = self._slot.started
        if word != self._word:
            self._word, self._since = word, now
        if not word or word == self._done or now - self._since < PATIENCE_SECONDS:
            return
        lease, keep = self._slot.lease_of(word)
        if not lease:
            return
        self._slot.keep(word)
        self._wait(FENCE_SECONDS)
        if self._slot.started != word:
            self._slot.keep(0)
            return
        self._give_back(lease, keep)
        self._done = word
