"""Memory that a worker shares with its helper process: for each session the lease, the item at hand, the state.

Rule: reading and writing cost the worker well under a microsecond an item and never wait for the other side.

Of a lease with several items the helper gives back those that wait behind a long one. That no item is both started
here and given back rests on two words and Dekker's idea that each side first writes its own and then reads the other's:

- the worker writes `started = place` before it starts an item, then reads `kept`; where the items to be kept end
  before this place, it does not start the item and settles the lease;
- the helper writes `kept = place`, then reads `started` again; only where that is still the same place, it sends
  the command that gives back what comes after.

Suppose that the worker starts item p + 1 and the helper gives it back. The worker then read `kept` before the helper
wrote it, thus it had written `started = p + 1` still earlier; so the helper, which reads `started` after writing
`kept`, saw p + 1 and did not send: a contradiction. Where both see the other's word, both hold back: the items go back
with the worker's next turn. Both words carry the lease's number, so that nothing said of one lease is taken for
another; and the server gives back by a lease's name, which does nothing once the lease is settled.

The argument needs each side's write to be visible before its read. Processors let a read overtake an earlier write
while that sits in the store buffer; the helper therefore waits between its two steps far longer than any write stays
there, which makes a fence on the worker's side needless. Source: A. Morrison, Y. Afek, "Temporally Bounding TSO for
Fence-Free Asymmetric Synchronization", ASPLOS 2015.
"""

from __future__ import annotations

import mmap

SLOT_BYTES = 1024
ACTIVE, DRAINING = 1, 2
_STARTED, _KEPT, _STATE = 0, 1, 2
_WORD_BYTES = 4
_RECORD_AT = 3 * _WORD_BYTES
_NUMBER_BYTES = 4
_LENGTH_BYTES = 2
_HEAD_BYTES = _NUMBER_BYTES + _LENGTH_BYTES
# A word is a lease's number and a place of at most 1000 in it.
_PLACE_BITS = 12
_NUMBERS = 1 << (32 - _PLACE_BITS)


class Slot:
    """One session's part of the memory; `watch`, `start` and `state` are its own, the rest is the helper's."""

    def __init__(self, area: mmap.mmap, index: int = 0) -> None:
        self._bytes = memoryview(area)[index * SLOT_BYTES : (index + 1) * SLOT_BYTES]
        self._words = self._bytes[:_RECORD_AT].cast("I")
        self._number = 0
        self._base = 0
        self._items = 0

    def watch(self, lease: str, items: int = 1) -> None:
        """Name the lease to be renewed from now on and how many items it has; empty: none."""
        self._words[_STARTED] = 0
        self._words[_KEPT] = 0
        self._number = (self._number + 1) % _NUMBERS
        self._base = self._number << _PLACE_BITS
        self._items = items
        data = lease.encode("utf-8", "surrogateescape")
        head = self._number.to_bytes(_NUMBER_BYTES, "big") + len(data).to_bytes(_LENGTH_BYTES, "big")
        self._bytes[_RECORD_AT : _RECORD_AT + _HEAD_BYTES + len(data)] = head + data

    def start(self, place: int) -> bool:
        """Say that the item at this place (from 1) is started; False: it was given back and must not be."""
        word = self._base + place
        # Of the last item nothing waits: 0 spares the helper a look.
        self._words[_STARTED] = word if place < self._items else 0
        return not self._base < self._words[_KEPT] < word

    @property
    def state(self) -> int:
        """0 while nobody uses the slot, else ACTIVE or DRAINING."""
        return self._words[_STATE]

    @state.setter
    def state(self, value: int) -> None:
        self._words[_STATE] = value

    def lease(self) -> str:
        """The lease to be renewed; empty: none."""
        return self._record()[1]

    @property
    def started(self) -> int:
        """The lease's and the present item's word; 0: nothing waits behind it."""
        return self._words[_STARTED]

    def lease_of(self, word: int) -> tuple[str, int]:
        """The lease that a word of `started` belongs to and its items to keep; an empty one if it is settled."""
        number, lease = self._record()
        return (lease, word % (1 << _PLACE_BITS)) if number == word >> _PLACE_BITS else ("", 0)

    def keep(self, word: int) -> None:
        """Ask the worker to start nothing after the item of this word; 0: take that back."""
        self._words[_KEPT] = word

    def _record(self) -> tuple[int, str]:
        # Not written in one step: read until two looks agree. A mixture of two leases' names would name none.
        now = bytes(self._bytes[_RECORD_AT:])
        before = b""
        while now != before:
            before, now = now, bytes(self._bytes[_RECORD_AT:])
        number = int.from_bytes(now[:_NUMBER_BYTES], "big")
        length = int.from_bytes(now[_NUMBER_BYTES:_HEAD_BYTES], "big")
        return number, now[_HEAD_BYTES : _HEAD_BYTES + length].decode("utf-8", "surrogateescape")

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
        self._bytes.release()
