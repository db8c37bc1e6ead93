"""What a trigger asks of Airflow about its own task."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from operators import trigger_state


def test_the_state_of_the_task_is_asked_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call blocks until Airflow answers; the event loop must not."""

    def states(**_: Any) -> dict[str, Any]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return {"r": {"t": "failed"}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))
    task_instance = SimpleNamespace(dag_id="d", run_id="r", task_id="t")
    assert asyncio.run(trigger_state.was_failed_by_a_user(task_instance))
