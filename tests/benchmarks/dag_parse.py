"""How much longer a DAG file takes to parse than an empty DAG.

    python tests/benchmarks/dag_parse.py [--rounds 7]

A fresh interpreter each time, the files in turn within each round, so that a busy machine slows all alike; the time
is that of the file alone, after `from airflow.sdk import DAG`. Prints the median of each file and the difference.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BAR_MS = 500
_TIMED = """
import runpy, sys, time
from airflow.sdk import DAG
start = time.perf_counter()
runpy.run_path(sys.argv[1])
print("took", time.perf_counter() - start)
"""
_EMPTY = 'from airflow.sdk import DAG\nwith DAG(dag_id="empty", schedule=None):\n    pass\n'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="kubejobs-parse-") as home:
        empty = Path(home) / "empty.py"
        empty.write_text(_EMPTY)
        files = [empty, *sorted((ROOT / "dags").glob("*.py"))]
        environment = _environment(home)
        _milliseconds(empty, environment)  # the first one makes Airflow's home
        taken: dict[Path, list[float]] = {file: [] for file in files}
        for _ in range(rounds):
            for file in files:
                taken[file].append(_milliseconds(file, environment))
    base = statistics.median(taken[empty])
    for file, times in taken.items():
        median = statistics.median(times)
        spread = f"{min(times):.0f}-{max(times):.0f}"
        print(f"{file.name:24} {median:7.0f} ms ({spread})  {median - base:+7.0f} ms, bar +{BAR_MS}")  # noqa: T201


def _environment(home: str) -> dict[str, str]:
    return os.environ | {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "KUBEJOBS_CONFIG_DIR": str(ROOT / "include" / "configs"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "plugins"), str(ROOT / "src")]),
    }


def _milliseconds(file: Path, environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _TIMED, str(file)], env=environment, capture_output=True, text=True, check=True
    )
    return 1000 * float(next(line for line in done.stdout.splitlines() if line.startswith("took ")).split()[1])


if __name__ == "__main__":
    main()
