"""List and watch: one snapshot, or every change after it as a stream of JSON lines."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from localkube import errors
from localkube.state.kinds import Kind, Object
from localkube.state.objects import namespace_of
from localkube.state.selectors import Predicate, field_predicate, label_predicate
from localkube.state.store import Event, Store

_FROM_NOW = ("", "0")


@dataclass(frozen=True, slots=True)
class Query:
    """Which objects a list, a watch or a deletecollection is about."""

    kind: Kind
    namespace: str | None
    labels: Predicate
    fields: Predicate

    @classmethod
    def read(cls, kind: Kind, namespace: str | None, query: Any) -> Query:
        """The query of a request; ApiError 400 if a selector can't be read."""
        labels = label_predicate(query.get("labelSelector"))
        return cls(kind, namespace, labels, field_predicate(query.get("fieldSelector"), kind))

    def selects(self, item: Object) -> bool:
        """Whether the object belongs to it."""
        inside = self.namespace is None or namespace_of(item) == self.namespace
        return inside and self.labels(item) and self.fields(item)


def list_objects(store: Store, query: Query, limit: int, continuation: str) -> dict[str, Any]:
    """The list object; with a `limit` also where the next part begins."""
    items = [item for item in store.list(query.kind, query.namespace) if query.selects(item)]
    start = int(continuation) if continuation.isdigit() else 0
    page = items[start : start + limit] if limit else items[start:]
    metadata: dict[str, Any] = {"resourceVersion": str(store.version)}
    left = len(items) - start - len(page)
    if left:
        metadata |= {"continue": str(start + len(page)), "remainingItemCount": left}
    return {
        "kind": f"{query.kind.name}List",
        "apiVersion": query.kind.api_version,
        "metadata": metadata,
        "items": page,
    }


def translate(query: Query, event: Event) -> tuple[str, Object] | None:
    """What a change is to a watcher: objects that enter the selection are added, those that leave it are deleted."""
    if event.kind is not query.kind:
        return None
    matched = event.before is not None and query.selects(event.before)
    matches = event.change != "DELETED" and query.selects(event.item)
    if not matched and not matches:
        return None
    if not matches:
        return "DELETED", event.item
    return ("MODIFIED" if matched else "ADDED"), event.item


class Watch:
    """One watcher: its backlog and its stream."""

    def __init__(self, store: Store, query: Query, version: str) -> None:
        self._store = store
        self._query = query
        self._waiting: asyncio.Queue[tuple[str, Object]] = asyncio.Queue()
        if version not in _FROM_NOW and not version.isdigit():
            raise errors.bad_request(f"invalid resource version: {version!r}")
        if version in _FROM_NOW:
            for item in store.list(query.kind, query.namespace):
                if query.selects(item):
                    self._waiting.put_nowait(("ADDED", item))
        else:
            for event in store.since(int(version)):
                self._take(event)
        self._unsubscribe = store.subscribe(self._take)

    def _take(self, event: Event) -> None:
        found = translate(self._query, event)
        if found is not None:
            self._waiting.put_nowait(found)

    async def stream(
        self, request: web.Request, timeout_seconds: float | None, *, bookmarks: bool
    ) -> web.StreamResponse:
        """Send changes until the timeout, or until the client or the cluster goes."""
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        try:
            await response.prepare(request)
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._send_all(response)
            except TimeoutError:
                if bookmarks:
                    await self._send(response, "BOOKMARK", self._bookmark())
            await response.write_eof()
        except ConnectionError:  # the client went away; there is nobody to tell
            return response
        finally:
            self._unsubscribe()
        return response

    async def _send_all(self, response: web.StreamResponse) -> None:
        while True:
            change, item = await self._waiting.get()
            await self._send(response, change, item)

    @staticmethod
    async def _send(response: web.StreamResponse, change: str, item: Object) -> None:
        await response.write(json.dumps({"type": change, "object": item}, separators=(",", ":")).encode() + b"\n")

    def _bookmark(self) -> Object:
        kind = self._query.kind
        metadata = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        return {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}


async def expired_stream(request: web.Request, problem: errors.ApiError) -> web.StreamResponse:
    """A watch that begins too far back: 200 with one ERROR event, as the real server does."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(json.dumps({"type": "ERROR", "object": problem.body()}).encode() + b"\n")
    await response.write_eof()
    return response
