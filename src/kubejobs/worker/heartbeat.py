"""The worker's end of the heartbeat: starts the helper process, tells it the lease, ends it."""

from __future__ import annotations

import json
import logging
import mmap
import os
import subprocess
import sys
import tempfile
import time
from typing import Final

from kubejobs.worker import heartbeat_process
from kubejobs.worker.settings import WorkerSettings
from kubejobs.workqueue import scripts
from kubejobs.workqueue.keys import QueueKeys

RENEWALS_PER_LEASE: Final = 3
_CHECK_SECONDS: Final = 1.0
_END_SECONDS: Final = 2.0
_logger = logging.getLogger(__name__)


class Heartbeat:
    """Keeps one lease alive from a process that nothing in this one can stop, short of ending both."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._descriptor = _shared_descriptor()
        self._area = mmap.mmap(self._descriptor, heartbeat_process.AREA_BYTES)
        self._process: subprocess.Popen[bytes] | None = None
        self._checked_at = 0.0

    def watch(self, lease: str) -> None:
        """Renew this lease from now on; empty: none."""
        heartbeat_process.write_lease(self._area, lease)
        if lease and time.monotonic() - self._checked_at > _CHECK_SECONDS:
            self._checked_at = time.monotonic()
            self._ensure_running()

    def _ensure_running(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            _logger.warning("the heartbeat process ended with %s; starting another", self._process.returncode)
            self._end()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", heartbeat_process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(self._descriptor,),
        )
        if self._process.stdin is not None:
            self._process.stdin.write(self._configuration())
            self._process.stdin.flush()

    def _configuration(self) -> bytes:
        address, lease_seconds = self._settings.address, self._settings.lease_seconds
        config = {
            "host": address.host,
            "port": address.port,
            "username": address.username,
            "password": address.password,
            "database": address.database,
            "tls": address.tls,
            "base": QueueKeys(address.prefix).queued,
            "script": scripts.RENEW.text,
            "lease_ms": int(lease_seconds * 1000),
            "interval_seconds": lease_seconds / RENEWALS_PER_LEASE,
            "descriptor": self._descriptor,
        }
        return json.dumps(config).encode() + b"\n"

    def close(self) -> None:
        """End the helper process."""
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


def _shared_descriptor() -> int:
    """Memory that a child process can map; a nameless file where the system has no memfd."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("kubejobs-lease")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, heartbeat_process.AREA_BYTES)
    return descriptor
