"""Workers as processes: started, killed at a known moment, replaced; each with a log of its own.

Rule: only processes that were started here are signalled, and none of them outlives the fleet.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from kubejobs.workqueue.types import QueueAddress
from support.processes import python, worker_environment

PROGRAM = Path(__file__).with_name("worker_program.py")
_END_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Worker:
    """One process; `name` is its pod's name in the ledger."""

    name: str
    process: subprocess.Popen[bytes]

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None


class Fleet:
    """Workers of one run; `variables` are their environment besides the queue's address."""

    def __init__(self, address: QueueAddress, folder: Path, **variables: object) -> None:
        self._folder = folder
        self.workers: list[Worker] = []
        self.killed: dict[str, float] = {}
        self._environment = worker_environment(address, **variables)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.running():
            worker.process.kill()
        for worker in self.workers:
            worker.process.wait()

    def start(self, **variables: object) -> Worker:
        """One more worker."""
        name = f"w-{next(self._numbers):04}"
        environment = self._environment | {"POD_NAME": name} | {key: str(value) for key, value in variables.items()}
        with (self._folder / f"{name}.err").open("wb") as errors:
            process = subprocess.Popen(
                [str(word) for word in python(PROGRAM, self._folder / f"{name}.log")],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        worker = Worker(name, process)
        self.workers.append(worker)
        return worker

    def running(self) -> list[Worker]:
        """The workers that have not ended."""
        return [worker for worker in self.workers if worker.running]

    def begun(self) -> list[Worker]:
        """The running workers that have started an item; all running ones if none has."""
        running = self.running()
        begun = [worker for worker in running if self._log(worker).exists() and self._log(worker).stat().st_size]
        return begun or running

    def kill(self, worker: Worker) -> None:
        """End it with -9 and note when; one that had ended by itself is left as it was."""
        moment = time.monotonic()
        worker.process.kill()
        if worker.process.wait() == -signal.SIGKILL:
            self.killed[worker.name] = moment

    def wait_for_ends(self) -> list[int]:
        """Wait for those that still run; the exit codes of all that were not killed by this fleet."""
        deadline = time.monotonic() + _END_SECONDS
        for worker in self.running():
            worker.process.wait(max(deadline - time.monotonic(), 0.1))
        return [worker.process.returncode for worker in self.workers if worker.name not in self.killed]

    def _log(self, worker: Worker) -> Path:
        return self._folder / f"{worker.name}.log"

    def messages(self) -> str:
        """What the workers wrote to standard error."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.err")))
