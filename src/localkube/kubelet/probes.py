"""Probes: one attempt of each kind, and the counting that turns attempts into an opinion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

Attempt = Callable[[], Awaitable[bool]]
Opinion = Callable[[bool], Awaitable[None]]
ExecRunner = Callable[[list[str], float], Awaitable[bool]]
_HTTP_OK = range(200, 400)


def attempt_of(probe: dict[str, Any], container: dict[str, Any], address: str, run: ExecRunner) -> Attempt:
    """One try of a probe; `run` executes a command in the container within a time limit."""
    timeout = float(probe.get("timeoutSeconds", 1))
    if "exec" in probe:
        return lambda: run(probe["exec"]["command"], timeout)
    if "tcpSocket" in probe:
        place = _place(probe["tcpSocket"], container, address)
        return lambda: _within(timeout, _connects(*place))
    if "httpGet" in probe:
        place = _place(probe["httpGet"], container, address)
        return lambda: _within(timeout, _answers(*place, probe["httpGet"].get("path", "/")))
    return _always


async def _always() -> bool:
    return True


def _place(target: dict[str, Any], container: dict[str, Any], address: str) -> tuple[str, int]:
    port = target["port"]
    if isinstance(port, str):
        named = {entry.get("name"): entry["containerPort"] for entry in container.get("ports") or []}
        port = named.get(port, port)
    return target.get("host") or address, int(port)


async def _within(seconds: float, attempt: Awaitable[bool]) -> bool:
    try:
        return await asyncio.wait_for(attempt, seconds)
    except (TimeoutError, OSError, ValueError):
        return False


async def _connects(host: str, port: int) -> bool:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return True


async def _answers(host: str, port: int, path: str) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        status = (await reader.readline()).split()
        return len(status) > 1 and int(status[1]) in _HTTP_OK
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def watch_probe(probe: dict[str, Any], attempt: Attempt, opinion: Opinion) -> None:
    """Try again and again, and tell every opinion: good after successThreshold, bad after failureThreshold tries."""
    await asyncio.sleep(probe.get("initialDelaySeconds") or 0)
    good = bad = 0
    while True:
        if await attempt():
            good, bad = good + 1, 0
        else:
            good, bad = 0, bad + 1
        if good >= probe.get("successThreshold", 1):
            await opinion(True)  # noqa: FBT003 -- an opinion is yes or no
        elif bad >= probe.get("failureThreshold", 3):
            await opinion(False)  # noqa: FBT003 -- an opinion is yes or no
        await asyncio.sleep(probe.get("periodSeconds", 10))
