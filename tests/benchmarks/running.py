"""The server that all are measured on, and the processes of the contenders.

Rule: every process started here leads a process group of its own, and ends with the block that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

from benchmarks.contenders import Contender
from benchmarks.environments import ROOT, python_of
from support.valkey import ValkeyServer, running_valkey

WORKERS = Path(__file__).with_name("workers")
PREFIX = "bench:"
POLL_SECONDS = 0.02
END_SECONDS = 5.0


class BenchmarkError(Exception):
    """A contender did not do what it was started for."""


@contextmanager
def measured_server() -> Iterator[ValkeyServer]:
    """A server configured as the product's queue: append-only file, synced every second."""
    with running_valkey("--appendonly", "yes", "--appendfsync", "everysec") as server:
        yield server


def reset(server: ValkeyServer) -> None:
    """Empty the server and its file, so that no round pays for what an earlier one has left.

    At once and not in the background, as is the server's default: that would go on during the next measurement, and its
    memory would be counted as there before.
    """
    with server.client() as client:
        client.execute_command("FLUSHALL", "SYNC")
        wait_for_frees(client)
        _wait_for_rewrite(client)  # one that the server has begun by itself, of what was there before
        client.bgrewriteaof()
        _wait_for_rewrite(client)


def wait_for_frees(client: redis.Redis) -> None:
    """Return when the server has freed what it was told to delete."""
    while client.info("memory")["lazyfree_pending_objects"]:
        time.sleep(POLL_SECONDS)


def _wait_for_rewrite(client: redis.Redis) -> None:
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(POLL_SECONDS)


def environment(server: ValkeyServer, contender: Contender, database: int = 0, **variables: object) -> dict[str, str]:
    """What a contender's processes find in their environment: the peers' way, and ours."""
    return (
        os.environ
        | {
            "PYTHONPATH": f"{WORKERS}{os.pathsep}{ROOT / 'src'}",
            "PYTHONUNBUFFERED": "1",
            "BENCH_URL": f"redis://:{server.password}@127.0.0.1:{server.port}/{database}",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(server.port),
            "REDIS_PASSWORD": server.password,
            "REDIS_DATABASE": str(database),
            "KUBEJOBS_QUEUE_PREFIX": PREFIX,
        }
        | dict(contender.variables)
        | {name: str(value) for name, value in variables.items()}
    )


def enqueue(contender: Contender, task: str, items: int, variables: dict[str, str]) -> float:
    """Put items into a contender's queue; seconds that it took."""
    command = [python_of(contender.venv), str(WORKERS / "enqueue.py"), contender.app, task, str(items)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, cwd=WORKERS)
    if done.returncode:
        raise BenchmarkError(f"{contender.name}: enqueueing ended with {done.returncode}: {done.stderr[-2000:]}")
    return float(json.loads(done.stdout)["seconds"])


@contextmanager
def worker(contender: Contender, variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of a contender, ended with all its processes after the block."""
    python, *arguments = python_of(contender.venv), *contender.command
    with log.open("ab") as output:
        process = subprocess.Popen(
            [python, *arguments],
            env=variables, cwd=WORKERS, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a worker to end; then kill what is left of it."""
    family = descendants(process.pid)
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    kill(process)


def kill(process: subprocess.Popen[bytes], *pids: int) -> None:
    """End a worker's process group at once, as the failure of its node would; and `pids` of it that left the group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> list[psutil.Process]:
    """The processes that a process has started, and theirs; none if it has ended."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def measured_run(server: ValkeyServer, contender: Contender, items: int, patience_seconds: float) -> dict[str, Any]:
    """Enqueue `items` no-ops and let one worker do them; what it measured, and how long the enqueueing took.

    Raises BenchmarkError with the end of the worker's output if it is not done in time.
    """
    with tempfile.TemporaryDirectory(prefix="kubejobs-bench-") as folder:
        meter, log = Path(folder, "meter"), Path(folder, "log")
        variables = environment(server, contender, BENCH_ITEMS=items, BENCH_METER=meter)
        reset(server)
        enqueue_seconds = enqueue(contender, "noop", items, variables)
        deadline = time.monotonic() + patience_seconds
        with worker(contender, variables, log) as process:
            while not meter.exists():
                if time.monotonic() > deadline or (process.poll() is not None and not meter.exists()):
                    raise BenchmarkError(f"{contender.name} did not do {items} no-ops:\n{log.read_text()[-2000:]}")
                time.sleep(POLL_SECONDS)
        return json.loads(meter.read_text()) | {"enqueue_seconds": enqueue_seconds}
