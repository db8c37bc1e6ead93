"""Where the peers are installed: virtual environments of their own, outside the repository, made when first needed.

arq has one for itself: it holds the client library back at a version that would hold back the others too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import ARQ_VENV, OWN_VENV, PEERS_VENV

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = {
    PEERS_VENV: ROOT / "requirements-benchmarks.txt",
    ARQ_VENV: ROOT / "tests" / "benchmarks" / "requirements-arq.txt",
}


def python_of(venv: str) -> str:
    """The Python that runs a contender; installs its environment if it is not there yet."""
    if venv == OWN_VENV:
        return sys.executable
    requirements = REQUIREMENTS[venv]
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = _cache() / f"{venv}-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        sys.stderr.write(f"installing {requirements.name} into {folder}\n")
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--python", sys.executable, folder)
        _uv("pip", "install", "--compile-bytecode", "--python", python, "--require-hashes", "-r", requirements)
        (folder / "complete").touch()
    return str(python)


def versions(venv: str) -> dict[str, str]:
    """Installed packages of an environment and their versions."""
    listed = subprocess.run(
        [_uv_program(), "pip", "freeze", "--quiet", "--python", python_of(venv)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return dict(line.split("==", 1) for line in listed.splitlines() if "==" in line)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "kubejobs-benchmarks"


def _uv_program() -> str:
    beside = Path(sys.executable).with_name("uv")
    if beside.exists():
        return str(beside)
    raise SystemExit("uv is not beside this Python; run `make setup`, then .venv/bin/python tests/benchmarks/run.py")


def _uv(*arguments: object) -> None:
    subprocess.run([_uv_program(), *map(str, arguments), "--quiet"], check=True)
