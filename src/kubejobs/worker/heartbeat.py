"""The worker's end of the heartbeat: starts the helper process, shares memory with it, ends it."""

from __future__ import annotations

import json
import logging
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from typing import Final

from kubejobs.worker.helper import process as helper_process
from kubejobs.worker.helper.slots import ACTIVE, DRAINING, SLOT_BYTES, Slot
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue import scripts
from kubejobs.workqueue.keys import QueueKeys

RENEWALS_PER_LEASE: Final = 3
_CHECK_SECONDS: Final = 1.0
_END_SECONDS: Final = 2.0
_logger = logging.getLogger(__name__)


class HelperProcess:
    """One helper process for the `sessions` of this one; nothing in this one can stop it, short of ending both.

    It is started when first needed, started again when it was killed, and ended with `close`. Safe to be shared
    between threads.
    """

    def __init__(self, settings: WorkerSettings, sessions: int = 1) -> None:
        self._settings = settings
        self._area_bytes = sessions * SLOT_BYTES
        self._descriptor = _shared_descriptor(self._area_bytes)
        self._area = mmap.mmap(self._descriptor, self._area_bytes)
        self._process: subprocess.Popen[bytes] | None = None
        self._checked_at = 0.0
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The helper's process id, once it was started."""
        return self._process.pid if self._process else None

    def slot(self, session: int) -> Slot:
        """The memory of one session, counted from 0."""
        return Slot(self._area, session)

    def ensure_running(self) -> None:
        """Start the helper unless it runs; looks once a second at most."""
        if time.monotonic() - self._checked_at < _CHECK_SECONDS:
            return
        with self._lock:
            self._checked_at = time.monotonic()
            if self._process is not None:
                if self._process.poll() is None:
                    return
                _logger.warning("the heartbeat process ended with %s; starting another", self._process.returncode)
                self._end()
            self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", helper_process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(self._descriptor,),
        )
        if self._process.stdin is not None:
            self._process.stdin.write(self._configuration())
            self._process.stdin.flush()

    def _configuration(self) -> bytes:
        lease_seconds = self._settings.lease_seconds
        config = {
            "server": self._settings.address.server,
            "base": QueueKeys(self._settings.address.prefix).queued,
            "renew": (scripts.RENEW.sha, scripts.RENEW.text),
            "unstart": (scripts.UNSTART.sha, scripts.UNSTART.text),
            "lease_ms": int(lease_seconds * 1000),
            "interval_seconds": lease_seconds / RENEWALS_PER_LEASE,
            "ready_host": self._settings.ready_host,
            "ready_port": self._settings.ready_port,
            "descriptor": self._descriptor,
            "area_bytes": self._area_bytes,
        }
        return json.dumps(config).encode() + b"\n"

    def close(self) -> None:
        """End the helper; the slots must have been closed."""
        self._end()
        self._area.close()
        os.close(self._descriptor)

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


class ProcessHeartbeat:
    """One session's heartbeat in a helper process: its own, ended with it, unless it is given a shared one."""

    def __init__(self, settings: WorkerSettings, shared: HelperProcess | None = None, session: int = 0) -> None:
        self._helper = shared or HelperProcess(settings)
        self._owns_helper = shared is None
        self._slot = self._helper.slot(session)
        self._always_runs = settings.ready_port > 0
        self.start = self._slot.start

    def open(self) -> None:
        """Take part in the pod's readiness."""
        self._slot.state = ACTIVE
        if self._always_runs:
            self._helper.ensure_running()

    def watch(self, lease: str, items: int) -> None:
        """Renew this lease of so many items from now on; empty: none."""
        self._slot.watch(lease, items)
        if lease or self._always_runs:
            self._helper.ensure_running()

    def drain(self, *, draining: bool) -> None:
        """Count as not ready, or as ready again."""
        self._slot.state = DRAINING if draining else ACTIVE

    def close(self) -> None:
        """Take no part any more; end the helper process, if it is this session's own."""
        self._slot.watch("", 0)
        self._slot.state = 0
        self._slot.close()
        if self._owns_helper:
            self._helper.close()


def _shared_descriptor(size: int) -> int:
    """Memory that a child process can map; a nameless file where the system has no memfd."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("kubejobs-lease")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
