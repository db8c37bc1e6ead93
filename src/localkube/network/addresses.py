"""Loopback addresses for pods (127.66.x.y) and Services (127.67.x.y).

Rule: a block of 253 addresses of each belongs to one cluster of this machine at a time. A block is held by a listening
socket, so that it is free again as soon as its cluster has gone, however it went.
"""

from __future__ import annotations

import errno
import random
import socket
from collections import deque

from localkube.errors import LocalKubeError

_BLOCKS = range(1, 255)
_HOSTS = range(1, 254)
_MARKER_HOST = 254
_MARKER_PORT = 16_250
_POD_PREFIX, _SERVICE_PREFIX = "127.66", "127.67"


class AddressBlocks:
    """The blocks that this cluster holds."""

    def __init__(self) -> None:
        self._markers: list[socket.socket] = []

    def reserve(self) -> int:
        """The number of a block that nobody else has; LocalKubeError if there is none."""
        # In random order, so that clusters that start together rarely try for the same one.
        for block in random.sample(_BLOCKS, len(_BLOCKS)):
            marker = socket.socket()
            try:
                marker.bind((f"{_POD_PREFIX}.{block}.{_MARKER_HOST}", _MARKER_PORT))
            except OSError as problem:
                marker.close()
                if problem.errno == errno.EADDRINUSE:
                    continue
                raise LocalKubeError(
                    f"the loopback address {_POD_PREFIX}.{block}.{_MARKER_HOST} can't be used ({problem}); "
                    f"the embedded cluster needs Linux, where all of 127.0.0.0/8 is local"
                ) from problem
            marker.listen(1)
            self._markers.append(marker)
            return block
        raise LocalKubeError("every block of loopback addresses is in use; stop other embedded clusters")

    def close(self) -> None:
        """Give all blocks back."""
        for marker in self._markers:
            marker.close()
        self._markers.clear()


class AddressPool:
    """Addresses of one prefix, the longest unused one first."""

    def __init__(self, blocks: AddressBlocks, prefix: str, first_block: int) -> None:
        self._blocks = blocks
        self._prefix = prefix
        self._free: deque[str] = deque()
        self._add(first_block)

    def _add(self, block: int) -> None:
        self._free.extend(f"{self._prefix}.{block}.{host}" for host in _HOSTS)

    def take(self) -> str:
        """An address that is in use by nothing else of this cluster."""
        if not self._free:
            self._add(self._blocks.reserve())
        return self._free.popleft()

    def give_back(self, address: str) -> None:
        """The address may be taken again."""
        self._free.append(address)


class PodAddresses(AddressPool):
    """Addresses of pods."""

    def __init__(self, blocks: AddressBlocks, first_block: int) -> None:
        super().__init__(blocks, _POD_PREFIX, first_block)


class ServiceAddresses(AddressPool):
    """Addresses of Services."""

    def __init__(self, blocks: AddressBlocks, first_block: int) -> None:
        super().__init__(blocks, _SERVICE_PREFIX, first_block)
