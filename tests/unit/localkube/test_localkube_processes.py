"""Processes that never outlive their owner."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from kubernetes import client, config

from localkube.processes.spawner import Limits, Process, Spawner, StartError
from localkube.processes.tree import cpu_seconds, descendants
from localkube.testing import running_process

# A process, a child of it in another session, and a grandchild whose parent has gone: all sleep for a marked time.
FAMILY = "setsid sleep {mark} & (setsid sh -c 'sleep {mark}' &) ; sleep {mark}"
_MARKS = iter(range(1000))


def new_mark() -> str:
    """A sleep time that no other process has, by which a family is found again."""
    return f"86{os.getpid()}.{next(_MARKS):03}"


def family(mark: str) -> list[psutil.Process]:
    """The living processes that sleep for that time."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if command == ["sleep", mark] and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_until(what: str, look: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"not seen within {seconds} s: {what}"
        time.sleep(0.1)


async def start(spawner: Spawner, script: str, **limits: float) -> Process:
    """Run a shell script under the spawner, without its output."""
    output = os.open(os.devnull, os.O_WRONLY)
    return await spawner.spawn(["sh", "-c", script], dict(os.environ), Path("/"), output, Limits(**limits))


async def with_spawner(work: Callable[[Spawner], object]) -> None:
    """Run work with a spawner that is closed afterwards."""
    spawner = Spawner()
    await spawner.start()
    try:
        await work(spawner)
    finally:
        await spawner.close(grace_seconds=0.2)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param("exit 0", 0, id="success"),
        pytest.param("exit 3", 3, id="failure"),
        pytest.param("kill -9 $$", 137, id="signal"),
    ],
)
def test_the_exit_code_is_the_main_processs(script: str, code: int) -> None:
    """A process tree ends with its main process' exit code, 128 + n for a signal."""

    async def work(spawner: Spawner) -> None:
        process = await start(spawner, script)
        assert await process.wait() == code

    asyncio.run(with_spawner(work))


def test_a_program_that_is_not_there_is_told() -> None:
    """Starting a program that does not exist fails with its name."""

    async def work(spawner: Spawner) -> None:
        output = os.open(os.devnull, os.O_WRONLY)
        with pytest.raises(StartError, match="no-such-program"):
            await spawner.spawn(["no-such-program"], {"PATH": "/bin"}, Path("/"), output)

    asyncio.run(with_spawner(work))


def test_nothing_outlives_the_main_process() -> None:
    """When the main process ends, the children that it left, in whatever session, are gone too."""
    mark = new_mark()

    async def work(spawner: Spawner) -> None:
        process = await start(spawner, FAMILY.format(mark=mark) + " & exit 0")
        assert await process.wait() == 0
        assert not family(mark)

    asyncio.run(with_spawner(work))


def test_close_ends_everything() -> None:
    """Closing the spawner leaves no process, also of those that ignore SIGTERM."""
    mark = new_mark()
    others = set(descendants(os.getpid()))

    async def work(spawner: Spawner) -> None:
        await start(spawner, "trap '' TERM; " + FAMILY.format(mark=mark))
        await asyncio.to_thread(wait_until, "the family lives", lambda: len(family(mark)) == 3)

    asyncio.run(with_spawner(work))
    assert not family(mark)
    assert not set(descendants(os.getpid())) - others


def test_a_killed_supervisor_leaves_nothing() -> None:
    """When a container's supervisor is killed, its processes are ended."""
    mark = new_mark()

    async def work(spawner: Spawner) -> None:
        process = await start(spawner, FAMILY.format(mark=mark))
        await asyncio.to_thread(wait_until, "the family lives", lambda: len(family(mark)) == 3)
        psutil.Process(process.started.result()).parent().kill()
        assert await process.wait() == 137
        await asyncio.to_thread(wait_until, "the family is gone", lambda: not family(mark))

    asyncio.run(with_spawner(work))


def test_a_killed_helper_leaves_nothing() -> None:
    """When the helper process itself is killed, every container's processes are ended."""
    mark = new_mark()

    async def work(spawner: Spawner) -> None:
        process = await start(spawner, FAMILY.format(mark=mark))
        await asyncio.to_thread(wait_until, "the family lives", lambda: len(family(mark)) == 3)
        psutil.Process(process.started.result()).parent().parent().kill()
        assert await process.wait() == 137
        await asyncio.to_thread(wait_until, "the family is gone", lambda: not family(mark))

    asyncio.run(with_spawner(work))


def test_a_limit_leaves_its_share() -> None:
    """A tree of two busy processes with a limit gets about that, all together."""

    async def work(spawner: Spawner) -> None:
        process = await start(spawner, "(while :; do :; done) & while :; do :; done", cpu_cores=0.3)
        supervisor = psutil.Process(process.started.result()).ppid()
        began = time.monotonic()
        await asyncio.sleep(2)
        used = sum(cpu_seconds(pid) for pid in descendants(supervisor))
        share = used / (time.monotonic() - began)
        process.kill()
        await process.wait()
        # No more than the limit and its first budget; how much less depends on who else uses the machine.
        assert 0 < share < 0.45

    asyncio.run(with_spawner(work))


def deploy_family(kubeconfig: Path, mark: str) -> None:
    """Run a family as a pod of the cluster."""
    with config.new_client_from_config(str(kubeconfig)) as api:
        command = ["sh", "-c", "trap '' TERM; " + FAMILY.format(mark=mark)]
        spec = {"containers": [{"name": "main", "image": "any:1", "command": command}]}
        client.CoreV1Api(api).create_namespaced_pod("default", {"metadata": {"name": "family"}, "spec": spec})
    wait_until("the family lives", lambda: len(family(mark)) == 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_no_death_of_the_cluster_leaves_a_process(tmp_path: Path, number: signal.Signals) -> None:
    """However the cluster ends, asked or killed, its pods' processes end, and asked it removes its files."""
    mark, state = new_mark(), tmp_path / "state"
    (tmp_path / "images.json").write_text('{"any": {}}')
    with running_process(state, "--images", str(tmp_path / "images.json")) as process:
        deploy_family(state / "kubeconfig", mark)
        tree = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        process.wait(20)
        wait_until("the family is gone", lambda: not family(mark))
        psutil.wait_procs(tree, timeout=10)
        assert not [one for one in tree if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    if number is not signal.SIGKILL:
        assert process.returncode == 0
        assert not list(state.iterdir())


def test_a_second_cluster_in_the_same_place_is_refused(tmp_path: Path) -> None:
    """A state directory that is in use is not taken over; the message says what to do."""
    with running_process(tmp_path / "state"):
        command = [sys.executable, "-m", "localkube", "--state", str(tmp_path / "state")]
        second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert second.returncode == 1
        assert "another embedded cluster uses the state directory" in second.stderr
        assert (tmp_path / "state" / "kubeconfig").exists()


def test_a_killed_clusters_place_can_be_used_again(tmp_path: Path) -> None:
    """After a kill the same state directory serves a new cluster, whose kubeconfig only its owner can read."""
    with running_process(tmp_path / "state") as process:
        process.kill()
        process.wait()
    with running_process(tmp_path / "state"):
        assert (tmp_path / "state" / "kubeconfig").stat().st_mode & 0o777 == 0o600


ALLOCATE = "import sys, time; data = bytearray(int(sys.argv[1])); print(len(data), flush=True); time.sleep(60)"
MEBIBYTE = 1024 * 1024


def test_a_tree_beyond_its_memory_is_killed() -> None:
    """All of it, also where only the children together use too much; its owner is told why."""
    mark = new_mark()
    one = f"{sys.executable} -c '{ALLOCATE}' {40 * MEBIBYTE} &"

    async def work(spawner: Spawner) -> None:
        process = await start(spawner, f"{one} {one} {FAMILY.format(mark=mark)}", memory_bytes=70 * MEBIBYTE)
        assert await process.wait() == 128 + signal.SIGKILL
        assert process.out_of_memory
        assert not family(mark)

    asyncio.run(with_spawner(work))


def test_memory_that_forked_processes_share_counts_once() -> None:
    """Children that only read what their parent allocated use none of their own."""
    script = (
        f"import os, time; data = bytearray({40 * MEBIBYTE}); children = [os.fork() for _ in range(2)]; time.sleep(1)"
    )

    async def work(spawner: Spawner) -> None:
        process = await start(spawner, f'exec {sys.executable} -c "{script}"', memory_bytes=90 * MEBIBYTE)
        assert await process.wait() == 0
        assert not process.out_of_memory

    asyncio.run(with_spawner(work))
