"""The environment of Airflow's parts: a development Airflow on loopback, tuned to react within a second.

The settings and why: the scheduler's idle sleep is what a run waits for between its tasks; the heartbeat interval is
how late a worker's exit is seen, and so how soon a deferred task may end; DNS is not asked for this machine's name.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.credentials import StackSecrets
from devstack.layout import Layout
from devstack.ports import LOOPBACK

_DATABASE_WAIT_SECONDS = 30
# Inherited from a caller, these would change what the parts are or make each start compile all of Airflow again.
_NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP")
_NOT_INHERITED_PREFIXES = ("AIRFLOW", "KUBEJOBS_", "KUBERNETES_", "MAKE")


def database_url(path: Path) -> str:
    """SQLAlchemy's URL; without the wait, a burst of writers gets `database is locked`."""
    return f"sqlite:///{path}?timeout={_DATABASE_WAIT_SECONDS}"


def airflow_environment(
    layout: Layout, secrets: StackSecrets, port: int, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Every variable of an Airflow part, for an API server on `port`."""
    return (
        _inherited(os.environ if inherited is None else inherited)
        | _airflow(layout, secrets, port)
        | _product(layout)
        | _quiet()
    )


def _inherited(source: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would change the stack; the checkout's programs come first on PATH."""
    kept = {
        name: value
        for name, value in source.items()
        if name not in _NOT_INHERITED and not name.startswith(_NOT_INHERITED_PREFIXES)
    }
    programs = str(Path(sys.executable).parent)
    no_proxy = ",".join(filter(None, [kept.get("NO_PROXY"), LOOPBACK, "localhost"]))
    return kept | {
        "PATH": f"{programs}:{kept.get('PATH', os.defpath)}",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def _airflow(layout: Layout, secrets: StackSecrets, port: int) -> dict[str, str]:
    url = f"http://{LOOPBACK}:{port}"
    options: dict[tuple[str, str], object] = {
        ("core", "dags_folder"): layout.repository / "dags",
        ("core", "plugins_folder"): layout.repository / "plugins",
        ("core", "load_examples"): False,
        ("core", "parallelism"): 8,
        ("core", "executor"): "LocalExecutor",
        ("core", "fernet_key"): secrets.fernet_key,
        ("core", "hostname_callable"): "socket.gethostname",
        ("core", "simple_auth_manager_users"): "admin:admin",
        ("core", "simple_auth_manager_passwords_file"): layout.passwords,
        ("core", "execution_api_server_url"): f"{url}/execution/",
        ("core", "min_serialized_dag_update_interval"): 1,
        ("database", "sql_alchemy_conn"): database_url(layout.database),
        ("database", "check_migrations"): False,
        ("api", "host"): LOOPBACK,
        ("api", "port"): port,
        ("api", "base_url"): url,
        ("api", "workers"): 1,
        ("api", "secret_key"): secrets.api_secret,
        ("api_auth", "jwt_secret"): secrets.jwt_secret,
        ("scheduler", "scheduler_idle_sleep_time"): 0.1,
        ("workers", "min_heartbeat_interval"): 1,
        ("dag_processor", "dag_bundle_config_list"): json.dumps(_dag_bundles(layout)),
        ("dag_processor", "refresh_interval"): 10,
        ("dag_processor", "min_file_process_interval"): 10,
        ("logging", "base_log_folder"): layout.airflow_home / "logs",
        ("logging", "colored_console_log"): False,
    }
    variables = {
        f"AIRFLOW__{section.upper()}__{name.upper()}": str(value) for (section, name), value in options.items()
    }
    # The checkout is on the path for the trigger of the stack's own DAG.
    return variables | {"AIRFLOW_HOME": str(layout.airflow_home), "PYTHONPATH": str(layout.repository)}


def _dag_bundles(layout: Layout) -> list[dict[str, object]]:
    """The product's DAGs, and the stack's own one beside them."""
    folders = {"dags-folder": layout.repository / "dags", "devstack": layout.repository / "devstack" / "dags"}
    classpath = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return [{"name": name, "classpath": classpath, "kwargs": {"path": str(folder)}} for name, folder in folders.items()]


def _product(layout: Layout) -> dict[str, str]:
    """The product's own settings, and the connection to the embedded cluster."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(layout.kubeconfig)}}
    return {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection),
        "KUBEJOBS_CONFIG_DIR": str(layout.repository / "include" / "configs"),
        "KUBEJOBS_WORKLOAD_ALLOW_LOCAL_FILES": "true",
        "KUBEJOBS_REPORT_URL": str(layout.reports),
        "KUBEJOBS_PROGRESS_INTERVAL_SECONDS": "1",
    }


def _quiet() -> dict[str, str]:
    """Nothing is sent out: no usage data, no checks for updates."""
    return {
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DO_NOT_TRACK": "1",
        "SCARF_ANALYTICS": "false",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
