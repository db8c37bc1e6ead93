"""What all pods of the node share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from localkube.kubelet.images import Images
from localkube.network.addresses import PodAddresses
from localkube.processes.spawner import Spawner
from localkube.settings import Settings
from localkube.state.recorder import Recorder
from localkube.state.store import Store


class Changes:
    """A place to wait until something has changed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Wake everybody who waits."""
        told, self._next = self._next, asyncio.Event()
        told.set()

    async def wait(self) -> None:
        """Until the next change."""
        await self._next.wait()


@dataclass(frozen=True, slots=True)
class Node:
    """The machine as the kubelet sees it. `references` changes with Secrets, ConfigMaps and claims."""

    store: Store
    settings: Settings
    spawner: Spawner
    images: Images
    addresses: PodAddresses
    recorder: Recorder
    api_port: int
    references: Changes = field(default_factory=Changes)
