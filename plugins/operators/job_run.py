"""Following the Job of one run from the triggerer.

Slow to import (the Kubernetes client), so the trigger imports it in a thread, once for each triggerer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kubejobs.cluster.job_status import SUCCEEDED, JobStatus
from kubejobs.errors import ClusterUnavailableError, KubeJobsError, ObjectGoneError
from kubejobs.naming import RunIdentity
from operators.trigger_cluster import TriggerCluster

_PAUSE_SECONDS = 5.0
# A look that lasted this long was answered at first: longer than any single call may take.
_ANSWERED_SECONDS = 60.0


class FollowedJob:
    """One run's Job; `patience_seconds` bounds how long the cluster may be out of reach."""

    def __init__(self, run: RunIdentity, cluster: str, namespace: str, patience_seconds: float, log: Any) -> None:
        self._cluster = TriggerCluster(cluster, run, namespace)
        self._patience_seconds = patience_seconds
        self._log = log

    async def failure(self) -> str | None:
        """Once the Job or the run has ended: why it failed, or None."""
        clock = asyncio.get_running_loop().time
        last_answer = clock()
        while True:
            tried_at = clock()
            try:
                return _verdict(await self._cluster.wait_until_ended())
            except ObjectGoneError as error:
                return f"the Job was deleted from outside this run: {error}"
            except ClusterUnavailableError as error:
                if clock() - tried_at > _ANSWERED_SECONDS:
                    last_answer = clock()
                if clock() - last_answer > self._patience_seconds:
                    return f"gave up after {self._patience_seconds:g} s: {error}"
                self._log.warning("%s; trying again", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            except KubeJobsError as error:
                return str(error)

    async def delete(self) -> None:
        """End the workers."""
        await self._cluster.delete_job()


def _verdict(status: JobStatus) -> str | None:
    if status.failure is not None:
        return f"the Job failed: {status.failure}"
    if status.complete or status.outcome == SUCCEEDED:
        return None
    return "the run is over and did not succeed; the log of the task `control` says why"
