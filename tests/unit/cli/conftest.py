"""What the commands' tests share."""

from __future__ import annotations

from typing import Any

import pytest

from kubejobs.cli import follow as follow_module
from kubejobs.cli import redrive, report, results, submit, watch
from support.airflow_api_fake import FakeApi


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a fake Airflow behind every command, whose pauses take no time."""

    def put(api: FakeApi) -> FakeApi:
        for module in (submit, watch, report, results, redrive):
            monkeypatch.setattr(module, "connect", lambda _options: api)
        monkeypatch.setattr(follow_module.time, "sleep", lambda _seconds: None)
        return api

    return put
