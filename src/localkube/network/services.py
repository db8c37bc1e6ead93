"""Keeps a proxy for each port of each Service that has a ready pod.

Rule: a Service without a ready pod does not listen, so that a call is refused at once, as in a genuine cluster.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from localkube.network.addresses import ServiceAddresses
from localkube.network.proxy import Proxy, Target
from localkube.state.kinds import PODS, SERVICES, Object
from localkube.state.objects import Key, has_condition, is_deleting, key_of, labels_of, namespace_of
from localkube.state.store import Event, Store

_PortKey = tuple[str, int]


class ServiceNetwork:
    """The Services' addresses and proxies."""

    def __init__(self, store: Store, addresses: ServiceAddresses) -> None:
        self._store = store
        self._addresses = addresses
        self._proxies: dict[Key, dict[_PortKey, Proxy]] = {}
        self._dirty: set[Key] = set()
        self._wake = asyncio.Event()
        self._unsubscribe = store.subscribe(self._on_event)
        self._task = asyncio.create_task(self._run())

    def allocate(self, service: Object) -> None:
        """Give a new Service its address."""
        spec = service["spec"]
        address = spec.get("clusterIP") or self._addresses.take()
        spec |= {"clusterIP": address, "clusterIPs": [address]}

    def _on_event(self, event: Event) -> None:
        if event.kind is SERVICES:
            self._dirty.add(key_of(event.item))
            self._wake.set()
            if event.change == "DELETED" and event.item["spec"]["clusterIP"] != "None":
                self._addresses.give_back(event.item["spec"]["clusterIP"])
        elif event.kind is PODS:
            self._dirty |= {key_of(service) for service in self._store.list(SERVICES, namespace_of(event.item))}
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for key in dirty:
                await self._renew(key)

    async def _renew(self, key: Key) -> None:
        service = self._store.find(SERVICES, *key)
        wanted = self._wanted(service) if service else {}
        present = self._proxies.setdefault(key, {})
        for gone in present.keys() - wanted.keys():
            present.pop(gone).close()
        for place in wanted.keys() - present.keys():
            proxy = present[place] = Proxy(*place, partial(self._targets, key, wanted[place]))
            await proxy.open()
        if not present:
            del self._proxies[key]

    def _wanted(self, service: Object) -> dict[_PortKey, dict[str, Any]]:
        address = service["spec"]["clusterIP"]
        if address == "None" or not self._ready_pods(service):
            return {}
        ports = service["spec"].get("ports") or []
        return {(address, port["port"]): port for port in ports if port["protocol"] == "TCP"}

    def _ready_pods(self, service: Object) -> list[Object]:
        selector = service["spec"].get("selector")
        if not selector:
            return []
        pods = self._store.list(PODS, namespace_of(service))
        chosen = [pod for pod in pods if selector.items() <= labels_of(pod).items() and not is_deleting(pod)]
        anyway = service["spec"].get("publishNotReadyAddresses")
        return [pod for pod in chosen if pod["status"].get("podIP") and (anyway or has_condition(pod, "Ready"))]

    def _targets(self, key: Key, port: dict[str, Any]) -> list[Target]:
        service = self._store.find(SERVICES, *key)
        if service is None:
            return []
        found = ((pod, _pod_port(pod, port["targetPort"])) for pod in self._ready_pods(service))
        return [(pod["status"]["podIP"], number) for pod, number in found if number]

    async def close(self) -> None:
        """Close every proxy and its connections."""
        self._unsubscribe()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for proxies in self._proxies.values():
            for proxy in proxies.values():
                proxy.abort()


def _pod_port(pod: Object, target: int | str) -> int | None:
    if isinstance(target, int):
        return target
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    return next((int(port["containerPort"]) for port in ports if port.get("name") == target), None)
