"""An Airflow that does not run: its settings and home are set before its first import, and there is no database."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOME = tempfile.mkdtemp(prefix="kubejobs-airflow-")
os.environ |= {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}

from airflow.sdk.bases.operator import ExecutorSafeguard  # noqa: E402 - Airflow reads its settings when it is imported

from operators import connections  # noqa: E402 - Airflow reads its settings when it is imported
from support.airflow_fakes import RecordingLog  # noqa: E402
from support.cluster_fake import FakeClusterClient  # noqa: E402
from support.queue_fixtures import valkey  # noqa: E402

__all__ = ["valkey"]

CLUSTER_CONNECTION = json.dumps({"conn_type": "kubernetes", "extra": {"namespace": "from-connection"}})


def pytest_unconfigure() -> None:
    """Remove Airflow's home."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def config_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A deployment without configuration files, with one cluster and without a setting from outside."""
    for name in [name for name in os.environ if name.startswith("KUBEJOBS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)
    monkeypatch.setenv("KUBEJOBS_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", CLUSTER_CONNECTION)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the connections for which a cluster's client was made."""
    return []


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> FakeClusterClient:
    """The cluster that every connection leads to."""
    fake = FakeClusterClient()

    def client(connection_id: str) -> FakeClusterClient:
        asked.append(connection_id)
        return fake

    monkeypatch.setattr(connections, "cluster_client", client)
    return fake


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Any]], RecordingLog]:
    """Gives a class of operators or triggers a log that the test can read."""

    def give(kind: type[Any]) -> RecordingLog:
        log = RecordingLog()
        monkeypatch.setattr(kind, "log", log)
        return log

    return give
