"""Runs the control loop of one run in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from kubejobs.errors import KubeJobsError
from kubejobs.naming import RunIdentity
from operators.trigger_state import ending, finish_though_cancelled, shortest_dwell_seconds, was_failed_by_a_user

if TYPE_CHECKING:
    from operators.control_run import ControlledRun

PROGRESS_KEY, OUTCOME_KEY = "progress", "outcome"


class ControlTrigger(BaseTrigger):
    """Ends the task `control` without a worker; a user's "mark failed" terminates the run."""

    def __init__(
        self, dag_id: str, run_id: str, task_id: str, cluster: str, namespace: str, patience_seconds: float
    ) -> None:
        super().__init__()
        self.dag_id = dag_id
        self.run_id = run_id
        self.control_task_id = task_id
        self.cluster = cluster
        self.namespace = namespace
        self.patience_seconds = patience_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class's path and its arguments."""
        return (
            "operators.control_trigger.ControlTrigger",
            {
                "dag_id": self.dag_id,
                "run_id": self.run_id,
                "task_id": self.control_task_id,
                "cluster": self.cluster,
                "namespace": self.namespace,
                "patience_seconds": self.patience_seconds,
            },
        )

    async def _controlled_run(self) -> ControlledRun:
        module = await asyncio.to_thread(import_module, "operators.control_run")
        run = RunIdentity(self.dag_id, self.run_id)
        controlled: ControlledRun = module.ControlledRun(
            run, self.cluster, self.namespace, self.patience_seconds, self.log
        )
        return controlled

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: a success ends the task here, with the XCom `outcome`; a failure goes to the operator.

        An event that fails the task would have it tried again, though the run is over.
        """
        async with ending(shortest_dwell_seconds()):
            event = await self._ended()
        yield event

    async def _ended(self) -> TriggerEvent:
        try:
            outcome = await (await self._controlled_run()).outcome(self._publish)
        except KubeJobsError as error:
            return TriggerEvent({"failure": f"the run can't be controlled: {error}"})
        if outcome.success:
            self.log.info("%s: %s", outcome.kind, outcome.message)
            return TaskSuccessEvent(xcoms={OUTCOME_KEY: outcome.to_dict()})
        return TriggerEvent({"failure": f"{outcome.kind}: {outcome.message}", OUTCOME_KEY: outcome.to_dict()})

    async def _publish(self, summary: dict[str, Any]) -> None:
        """The XCom `progress`; losing one is no reason to stop controlling."""
        try:
            await BaseXCom.aset(
                PROGRESS_KEY, summary, dag_id=self.dag_id, task_id=self.control_task_id, run_id=self.run_id
            )
        except Exception as error:  # noqa: BLE001 - whatever Airflow's API raises
            self.log.warning("the XCom %s could not be written: %s", PROGRESS_KEY, error)

    async def on_kill(self) -> None:
        """Terminate the run when a user marked the task failed."""
        await finish_though_cancelled(self._terminate_if_failed())

    async def _terminate_if_failed(self) -> None:
        if await was_failed_by_a_user(self.task_instance):
            await (await self._controlled_run()).terminate()
