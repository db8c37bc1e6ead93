"""Remove a run's workers when they are no longer wanted."""

from __future__ import annotations

import logging

from kubejobs.control.ports import ClusterPort, JobStatus
from kubejobs.errors import ClusterError, ObjectGoneError

log = logging.getLogger(__name__)

_ATTEMPTS = 3


async def remove_workers(cluster: ClusterPort, job: JobStatus | None) -> str | None:
    """Set the Job's parallelism to 0, as well as it goes; returns what went wrong, None if nothing did.

    `job` is the Job as it was read, None to read it first; a Job that changed meanwhile is read again.
    """
    failure: ClusterError | None = None
    for _ in range(_ATTEMPTS):
        try:
            job = job or await cluster.read_job()
            await cluster.set_parallelism(0, job.resource_version)
        except ObjectGoneError:
            return None
        except ClusterError as error:
            failure, job = error, None
        else:
            return None
    log.warning("the workers could not be removed: %s", failure)
    return str(failure)
