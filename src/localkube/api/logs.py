"""The log of a container over HTTP, from its beginning or its end, once or as it grows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiohttp import web

from localkube import errors
from localkube.state.kinds import Object
from localkube.state.objects import name_of, parse_time

_TRUE = ("1", "true", "True")


class ContainerLog(Protocol):
    """The output of one run of a container: lines `TIME TAG TEXT`, where TAG is F, or P without newline."""

    def lines(self) -> list[bytes]:
        """All lines until now, each with its newline."""
        ...

    def follow(self, start: int) -> AsyncIterator[list[bytes]]:
        """Batches of lines from byte `start` on, until the container has ended."""
        ...


class LogSource(Protocol):
    """Where logs are."""

    def container_log(self, pod: Object, container: str, *, previous: bool) -> ContainerLog | None:
        """The log of a container's run, or None if it has not run (before)."""
        ...


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How much of a log to send, and how."""

    since: str = ""
    tail_lines: int | None = None
    timestamps: bool = False
    limit_bytes: int | None = None

    @classmethod
    def read(cls, query: dict[str, str]) -> LogOptions:
        """The options of a request."""
        since = ""
        if "sinceSeconds" in query:
            since = _stamp(datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"])))
        elif "sinceTime" in query:
            since = _stamp(datetime.fromtimestamp(parse_time(query["sinceTime"]), UTC))
        return cls(
            since,
            int(query["tailLines"]) if "tailLines" in query else None,
            query.get("timestamps") in _TRUE,
            int(query["limitBytes"]) if "limitBytes" in query else None,
        )

    def choose(self, lines: list[bytes]) -> list[bytes]:
        """The lines to send of those that are there."""
        wanted = [line for line in lines if line >= self.since.encode()] if self.since else lines
        if self.tail_lines is not None:
            wanted = wanted[-self.tail_lines :] if self.tail_lines else []
        return wanted

    def render(self, lines: list[bytes]) -> bytes:
        """Those lines as a client wants them."""
        return b"".join(self._line(line) for line in lines)

    def _line(self, line: bytes) -> bytes:
        stamp, tag, text = line.split(b" ", 2)
        if tag == b"P":  # the container wrote no newline, so none is sent
            text = text.removesuffix(b"\n")
        return stamp + b" " + text if self.timestamps else text


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


async def answer_log(request: web.Request, source: LogSource, pod: Object) -> web.StreamResponse:
    """Send a log; ApiError 400 if the container is not named, unknown, or has no log (yet)."""
    options = LogOptions.read(dict(request.query))
    previous = request.query.get("previous") in _TRUE
    found = _find(source, pod, request.query.get("container"), previous=previous)
    present = found.lines()
    chosen = options.render(options.choose(present))
    if options.limit_bytes is not None:
        chosen = chosen[: options.limit_bytes]
    if request.query.get("follow") not in _TRUE:
        return web.Response(body=chosen, content_type="text/plain")
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    try:
        await response.prepare(request)
        await response.write(chosen)
        async for batch in found.follow(sum(map(len, present))):
            await response.write(options.render(batch))
        await response.write_eof()
    except ConnectionError:  # the client has seen enough
        pass
    return response


def _find(source: LogSource, pod: Object, container: str | None, *, previous: bool) -> ContainerLog:
    names = [item["name"] for field in ("initContainers", "containers") for item in pod["spec"].get(field) or []]
    own = [item["name"] for item in pod["spec"]["containers"]]
    if container is None and len(names) > 1:
        many = f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(own)}]"
        raise errors.bad_request(many)
    container = container or own[0]
    if container not in names:
        raise errors.bad_request(f"container {container} is not valid for pod {name_of(pod)}")
    found = source.container_log(pod, container, previous=previous)
    if found is not None:
        return found
    where = f'container "{container}" in pod "{name_of(pod)}"'
    if previous:
        raise errors.bad_request(f"previous terminated {where} not found")
    raise errors.bad_request(f"{where} is waiting to start: {_waiting_reason(pod, container)}")


def _waiting_reason(pod: Object, container: str) -> str:
    for status in pod["status"].get("containerStatuses") or []:
        waiting = (status.get("state") or {}).get("waiting")
        if status["name"] == container and waiting:
            reason = str(waiting["reason"])
            return "trying and failing to pull image" if "Image" in reason else reason
    return "ContainerCreating"
