"""Packs a worker image for a test cluster: a base root file system, this project's worker library and the example.

    python tests/e2e/worker_image.py --base ROOT --pack PROGRAM --tag NAME:TAG --output FILE.tar

`--pack` is a program that takes --root, --tag, --output, --workdir and --env, and writes an image archive.
The base must hold a Python of at least 3.11 as `python3`. Not the product's image: that one is built from a Dockerfile.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
APPLICATION = "opt/kubejobs"
# The library itself needs nothing; the tests' own workers of the open contract, and their notes, use this.
PACKAGES = ("redis",)


def main() -> None:
    """Make the image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kubejobs-image-") as folder:
        root = Path(folder) / "root"
        shutil.copytree(arguments.base, root, symlinks=True, ignore=_all_but_mounts(arguments.base))
        for name in ("dev", "proc", "sys", "run", "tmp"):
            (root / name).mkdir()
        (root / "tmp").chmod(0o1777)
        _install(root / APPLICATION)
        path = f"/{APPLICATION}:/{APPLICATION}/examples"
        command = [arguments.pack, "--root", root, "--tag", arguments.tag, "--output", arguments.output]
        options = ["--workdir", "/tmp", "--env", f"PYTHONPATH={path}", "--env", "PYTHONDONTWRITEBYTECODE=1"]
        subprocess.run([*map(str, command), *options], check=True)


def _all_but_mounts(base: Path) -> Callable[[str, list[str]], list[str]]:
    """What a container runtime mounts itself is left out: the base's device files would be read for ever."""

    def ignored(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder) == base and name in {"dev", "proc", "sys", "run", "tmp"}]

    return ignored


def _install(target: Path) -> None:
    pins = [line.split(" ", 1)[0] for line in (REPOSITORY / "requirements.txt").read_text().splitlines()]
    wanted = [pin for pin in pins if pin.partition("==")[0] in PACKAGES]
    uv = Path(sys.executable).parent / "uv"
    install = [uv, "pip", "install", "--quiet", "--target", target, "--python-version", "3.11", "--no-deps"]
    subprocess.run([*map(str, install), *wanted], check=True)
    shutil.copytree(REPOSITORY / "src" / "kubejobs", target / "kubejobs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "examples", target / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    worker = target / "bin" / "kubejobs-worker"
    worker.parent.mkdir(parents=True, exist_ok=True)
    worker.write_text('#!/bin/sh\nexec python3 -m kubejobs.worker.main "$@"\n')
    worker.chmod(0o755)


if __name__ == "__main__":
    main()
