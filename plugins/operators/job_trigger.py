"""Follows the Kubernetes Job of a run until it ends or control says that the run is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from kubejobs.naming import RunIdentity
from operators.trigger_state import ending, finish_though_cancelled, shortest_dwell_seconds, was_failed_by_a_user

if TYPE_CHECKING:
    from operators.job_run import FollowedJob


class JobTrigger(BaseTrigger):
    """Ends the task `job` without a worker; a user's "mark failed" deletes the Job."""

    def __init__(self, dag_id: str, run_id: str, cluster: str, namespace: str, patience_seconds: float) -> None:
        super().__init__()
        self.dag_id = dag_id
        self.run_id = run_id
        self.cluster = cluster
        self.namespace = namespace
        self.patience_seconds = patience_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class's path and its arguments."""
        return (
            "operators.job_trigger.JobTrigger",
            {
                "dag_id": self.dag_id,
                "run_id": self.run_id,
                "cluster": self.cluster,
                "namespace": self.namespace,
                "patience_seconds": self.patience_seconds,
            },
        )

    async def _followed_job(self) -> FollowedJob:
        module = await asyncio.to_thread(import_module, "operators.job_run")
        followed: FollowedJob = module.FollowedJob(
            RunIdentity(self.dag_id, self.run_id), self.cluster, self.namespace, self.patience_seconds, self.log
        )
        return followed

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: a success ends the task here; a failure goes to the operator, which does not try again."""
        async with ending(shortest_dwell_seconds()):
            failure = await (await self._followed_job()).failure()
        yield TaskSuccessEvent() if failure is None else TriggerEvent({"failure": failure})

    async def on_kill(self) -> None:
        """Delete the Job when a user marked the task failed."""
        await finish_though_cancelled(self._delete_if_failed())

    async def _delete_if_failed(self) -> None:
        if await was_failed_by_a_user(self.task_instance):
            await (await self._followed_job()).delete()
