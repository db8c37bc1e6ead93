"""What is the static runner's own: its file, what is embedded in it, and being process 1 of a container."""

import ctypes
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import kubejobs
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import ROOT, process_exists, python, started, wait_until, worker_environment

from .conftest import BUILD_SECONDS, NO_GO, SOURCE

SCRIPTS = ROOT / "src" / "kubejobs" / "workqueue" / "scripts"
PR_SET_CHILD_SUBREAPER = 36
PT_INTERP = 3
SIZE_LIMIT_BYTES = 6_000_000


@pytest.mark.parametrize("copy", sorted((SOURCE / "scripts").glob("*.lua")), ids=lambda path: path.stem)
def test_the_embedded_scripts_are_the_library_s(copy: Path) -> None:
    """Both runners change the queue by the very same scripts; `go generate` in runner/ copies them anew."""
    assert copy.read_text(encoding="utf-8") == (SCRIPTS / copy.name).read_text(encoding="utf-8")


def test_every_embedded_script_has_its_copy() -> None:
    """What the source embeds and what is copied there are the same files."""
    source = (SOURCE / "scripts.go").read_text(encoding="utf-8")
    embedded = set(re.findall(r"^\t//go:embed scripts/(\w+)\.lua$", source, re.MULTILINE))
    copied = set(re.findall(r"^//go:generate cp \S+ scripts/(\w+)\.lua$", source, re.MULTILINE))
    assert embedded == copied == {path.stem for path in (SOURCE / "scripts").iterdir()}


def test_the_version_is_the_package_s() -> None:
    """An image of the runner says to which release it belongs."""
    source = (SOURCE / "options.go").read_text(encoding="utf-8")
    assert f'const version = "{kubejobs.__version__}"' in source


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["gofmt", "-l", "."], id="gofmt"),
        pytest.param(["go", "vet", "./..."], id="go vet"),
        pytest.param(["go", "test", "./..."], id="go test"),
    ],
)
def test_the_source_passes_its_own_checks(command: list[str]) -> None:
    """Formatted, vetted, and its unit tests are green."""
    if shutil.which(command[0]) is None:
        pytest.skip(NO_GO)
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0"}
    done = subprocess.run(
        command, check=False, cwd=SOURCE, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert command[0] != "gofmt" or not done.stdout


def test_the_program_needs_nothing_of_the_image(static_runner: Path) -> None:
    """It names no dynamic loader, so it runs in any image, and it is small."""
    data = static_runner.read_bytes()
    table, size, count = (*struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54))
    kinds = {struct.unpack_from("<I", data, table + index * size)[0] for index in range(count)}
    assert data[:5] == b"\x7fELF\x02"
    assert PT_INTERP not in kinds
    assert len(data) < SIZE_LIMIT_BYTES


def test_it_installs_itself(static_runner: Path, tmp_path: Path) -> None:
    """Also over an earlier copy; the copy is the same program."""
    copy = tmp_path / "kubejobs-runner"
    copy.write_text("an earlier one", encoding="utf-8")
    subprocess.run([static_runner, "install", tmp_path], check=True, timeout=30)
    assert copy.read_bytes() == static_runner.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o755
    assert list(tmp_path.iterdir()) == [copy]
    said = subprocess.run([copy, "--version"], check=True, capture_output=True, text=True, timeout=30).stdout
    assert said.startswith(f"kubejobs-runner {kubejobs.__version__} (go")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["install"], 2, "install DIR", id="no folder"),
        pytest.param(["install", "/no/such/folder"], 1, "/no/such/folder", id="missing folder"),
    ],
)
def test_an_install_that_fails_is_said(static_runner: Path, arguments: list[str], code: int, message: str) -> None:
    """The init container then fails with the reason."""
    done = subprocess.run([static_runner, *arguments], check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, message in done.stderr) == (code, True)


def adopt_orphans() -> None:
    """Make this process, and the program it becomes, what process 1 is in a container."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this system knows no subreapers")


def test_orphans_are_reaped(static_runner: Path, queue: WorkQueue, address: QueueAddress, tmp_path: Path) -> None:
    """A process that left its item's group and lost its parent leaves no zombie with the runner that inherits it."""
    queue.fill(["leave", "wait"])
    orphan = (
        "import os, sys, time\n"
        "if os.fork(): sys.exit()\n"
        "os.setsid()\n"
        f"open({str(tmp_path / 'new')!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'new')!r}, {str(tmp_path / 'orphan')!r})\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)\n"
    )
    script = (
        f'if [ $KUBEJOBS_ITEM = leave ]; then "$1" -c "$2" >/dev/null 2>&1 & '
        f"until [ -e {tmp_path}/orphan ]; do sleep 0.02; done; "
        f"else touch {tmp_path}/waits; until [ -e {tmp_path}/end ]; do sleep 0.02; done; fi"
    )
    command = [static_runner, "--", "sh", "-c", script, "sh", sys.executable, orphan]
    with started(*command, env=worker_environment(address), preexec_fn=adopt_orphans) as process:
        wait_until((tmp_path / "waits").exists, "the next item runs")
        pid = int((tmp_path / "orphan").read_text())
        assert process_exists(pid)
        (tmp_path / "go").touch()
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the orphan is reaped")
        (tmp_path / "end").touch()
        assert process.wait(30) == 0
    assert queue.snapshot().counts == Counts(done=2)


def test_a_command_ends_with_its_killed_runner(
    static_runner: Path, queue: WorkQueue, address: QueueAddress, tmp_path: Path
) -> None:
    """Kill -9 leaves nothing that works on an item which another worker will get."""
    queue.fill(["600"])
    script = f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 600"
    with started(static_runner, "--", "sh", "-c", script, env=worker_environment(address)) as process:
        wait_until((tmp_path / "pid").exists, "the command runs")
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not process_exists(pid), "the command is gone")


def test_its_help_names_every_option_of_the_other_runner(static_runner: Path) -> None:
    """The two take the same options."""
    texts = [
        subprocess.run(
            [*command, "--help"],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        ).stdout
        for command in ((static_runner,), python("-m", "kubejobs.worker.main"))
    ]
    own, others = (set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help", "--version"} for text in texts)
    assert own == others
