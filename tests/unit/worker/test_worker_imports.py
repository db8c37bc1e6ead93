"""A worker's image needs Python and this package, and nothing else."""

import subprocess
import sys

from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import Counts, QueueAddress
from support.processes import ROOT, worker_environment

PROGRAM = f"""
import sys
sys.path.append({str(ROOT / "src")!r})
from kubejobs.worker import connect
with connect() as queue:
    queue.append(["late"])
    queue.close_queue()
    next(queue.items(batch=1)).result(1)
from kubejobs.worker.main import main
assert main(["--", "true"]) == 0
print(sorted({{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names - {{"__main__"}}))
"""


def test_a_worker_runs_without_any_other_package(queue: WorkQueue, address: QueueAddress) -> None:
    """The client library and the runner do all they can do in a Python that has no site-packages."""
    queue.fill(["a", "b"], close=False)
    command = [sys.executable, "-I", "-S", "-c", PROGRAM]
    ran = subprocess.run(command, env=worker_environment(address), text=True, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "['kubejobs']"), ran.stderr
    assert queue.snapshot().counts == Counts(done=3)
