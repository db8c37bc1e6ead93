"""The trigger of the DAG `devstack_warm_up`: one write through Airflow's execution API, from the triggerer.

The triggerer builds its own copy of that API at the first request of any trigger, in several seconds of CPU, during
which no other trigger is heard.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent


class WarmUpTrigger(BaseTrigger):
    """Publishes one XCom and ends its task."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where this class is; it has no arguments."""
        return "devstack.warm_up_trigger.WarmUpTrigger", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, once the write has been answered."""
        task: Any = self.task_instance
        await BaseXCom.aset("warm", "yes", dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id)
        yield TaskSuccessEvent()
