"""How fast and in how much memory a run's queue is filled: `fill` beside `redis-cli --pipe`.

Both put the same lines of the same file into the same server, in turns; `redis-cli` is given one RPUSH an item, as the
protocol that its manual describes for mass insertion. Without a redis-cli on PATH the same bytes are streamed over a
socket, with the replies read as they come. Prints medians; run as `python tests/benchmarks/queue_enqueue.py`.
"""

from __future__ import annotations

import argparse
import json
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress
from support.valkey import ValkeyServer, running_valkey

CHUNK_BYTES = 65_536
PIPE_KEY = "piped"
MEBIBYTE = 1024 * 1024


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_workload(path: Path, items: int) -> None:
    """A file of `items` lines of 78 bytes, as long as usual object-store paths."""
    with path.open("w") as file:
        for number in range(items):
            file.write(f"s3://a-bucket/with/some/prefix/year=2026/part-{number:032d}\n".rjust(79, "x"))


def write_protocol(workload: Path, protocol: Path) -> None:
    """The workload as Redis protocol: one RPUSH an item."""
    with workload.open("rb") as lines, protocol.open("wb") as file:
        for line in lines:
            item = line.rstrip(b"\n")
            file.write(b"*3\r\n$5\r\nRPUSH\r\n$%d\r\n%s\r\n" % (len(PIPE_KEY), PIPE_KEY.encode()))
            file.write(b"$%d\r\n%s\r\n" % (len(item), item))


def pipe_with_redis_cli(server: ValkeyServer, protocol: Path) -> float:
    """Seconds that redis-cli --pipe takes."""
    command = ["redis-cli", "-p", str(server.port), "-a", server.password, "--no-auth-warning", "--pipe"]
    with protocol.open("rb") as file:
        started = time.perf_counter()
        subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started


def pipe_over_socket(server: ValkeyServer, protocol: Path) -> float:
    """Seconds to stream the same bytes, reading replies in between."""
    end = b"$3\r\nend\r\n"
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port)) as connection, protocol.open("rb") as file:
        connection.sendall(f"AUTH {server.password}\r\n".encode())
        connection.setblocking(False)
        selector = selectors.DefaultSelector()
        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
        waiting, tail, finished = memoryview(file.read(CHUNK_BYTES)), b"", False
        while not tail.endswith(end):
            [(_, events)] = selector.select()
            if events & selectors.EVENT_READ:
                tail = (tail + connection.recv(CHUNK_BYTES))[-len(end) :]
            if events & selectors.EVENT_WRITE and waiting:
                waiting = waiting[connection.send(waiting) :]
            if not waiting and not finished:
                waiting = memoryview(file.read(CHUNK_BYTES))
                if not waiting:
                    finished, waiting = True, memoryview(b"ECHO end\r\n")
            if finished and not waiting:
                selector.modify(connection, selectors.EVENT_READ)
    return time.perf_counter() - started


def lines_of(path: Path) -> Iterator[str]:
    """A workload's items, streamed."""
    with path.open() as file:
        for line in file:
            yield line.rstrip("\n")


def memory_bytes(field: str) -> int:
    """This process' memory by the kernel: VmRSS now, VmHWM at its peak."""
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{field}:")[1].split()[0]) * 1024


def fill_role(port: int, password: str, workload: Path) -> None:
    """In a process of its own: fill once, print seconds and the growth of memory to its peak."""
    with WorkQueue(QueueAddress("127.0.0.1", port, password=password, prefix="bench:")) as queue:
        queue.ping()
        before = memory_bytes("VmRSS")
        started = time.perf_counter()
        queue.fill(lines_of(workload))
        seconds = time.perf_counter() - started
        growth = memory_bytes("VmHWM") - before
        queue.delete_run()
    say(json.dumps({"seconds": seconds, "growth": growth}))


def fill(server: ValkeyServer, workload: Path) -> tuple[float, int]:
    """Seconds and bytes of growth of one fill."""
    command = [sys.executable, __file__, "--fill", str(server.port), server.password, str(workload)]
    result = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return result["seconds"], result["growth"]


def compare(items: int, rounds: int) -> None:
    """Run both in turns and print what was seen."""
    pipe = pipe_with_redis_cli if shutil.which("redis-cli") else pipe_over_socket
    with tempfile.TemporaryDirectory() as folder, running_valkey() as server, server.client() as client:
        workload, protocol = Path(folder, "workload"), Path(folder, "protocol")
        write_workload(workload, items)
        write_protocol(workload, protocol)
        piped: list[float] = []
        filled: list[tuple[float, int]] = []
        for number in range(1, rounds + 1):
            piped.append(pipe(server, protocol))
            if client.llen(PIPE_KEY) != items:
                raise SystemExit("the piped items did not all arrive")
            client.unlink(PIPE_KEY)
            filled.append(fill(server, workload))
            say(f"round {number}: pipe {items / piped[-1]:,.0f}/s, fill {items / filled[-1][0]:,.0f}/s")
    pipe_seconds = statistics.median(piped)
    fill_seconds = statistics.median(seconds for seconds, _ in filled)
    say(f"{pipe.__name__}, one RPUSH an item: median {pipe_seconds:.2f} s, {items / pipe_seconds:,.0f} items/s")
    say(f"fill: median {fill_seconds:.2f} s, {items / fill_seconds:,.0f} items/s")
    say(f"fill takes {fill_seconds / pipe_seconds:.2f} times as long (bar: at most 2)")
    say(f"memory grew by at most {max(growth for _, growth in filled) / MEBIBYTE:.1f} MiB (bar: 100)")


def main() -> None:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fill", nargs=3, metavar=("PORT", "PASSWORD", "WORKLOAD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        port, password, workload = options.fill
        fill_role(int(port), password, Path(workload))
    else:
        compare(options.items, options.rounds)


if __name__ == "__main__":
    main()
