"""A command over the run's queue, with as many sessions at a time as are asked for.

Rule: the sessions share nothing but the helper process; the first that fails stops the others.
"""

from __future__ import annotations

import signal
import threading
from typing import Final

from kubejobs.worker.heartbeat import HelperProcess, ProcessHeartbeat
from kubejobs.worker.modes import mode_of
from kubejobs.worker.options import RunnerOptions
from kubejobs.worker.session import WorkerQueue
from kubejobs.worker.settings import WorkerSettings

_SIGNAL_SECONDS: Final = 0.1
"""How late a SIGTERM may be noticed."""


class Runner:
    """Works items off until there are none, in one thread per session."""

    def __init__(self, options: RunnerOptions, settings: WorkerSettings) -> None:
        self._options = options
        self._helper = HelperProcess(settings, options.concurrency)
        self._queues = [
            WorkerQueue(settings, heartbeat=ProcessHeartbeat(settings, self._helper, session))
            for session in range(options.concurrency)
        ]
        self._problem: BaseException | None = None

    def run(self) -> int:
        """Work, in the main thread of the program; returns the exit code. Raises what a session raised."""
        before = signal.signal(signal.SIGTERM, lambda *_: self._stop())
        try:
            threads = [threading.Thread(target=self._work, args=(queue,)) for queue in self._queues]
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    # In a timed wait: a signal that the system hands to another thread does not wake this one.
                    thread.join(_SIGNAL_SECONDS)
        finally:
            self._helper.close()
            signal.signal(signal.SIGTERM, before)
        if self._problem is not None:
            raise self._problem
        return max(queue.exit_code for queue in self._queues)

    def _stop(self) -> None:
        for queue in self._queues:
            queue.stop()

    def _work(self, queue: WorkerQueue) -> None:
        mode = mode_of(self._options, lambda: queue.stopping)
        if self._options.passes_sigterm:
            queue.on_stop(mode.pass_sigterm)
        try:
            with queue:
                for item in queue.items():
                    mode.work_on(item)
        except BaseException as error:  # noqa: BLE001  # whatever ends a thread is raised again where the program ends
            self._problem = self._problem or error
            self._stop()
        finally:
            mode.close()  # after the last item is acknowledged: a command may take a while to end
