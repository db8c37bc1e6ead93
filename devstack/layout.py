"""Where the stack's things are: all of its state is under `.demo/` in the checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Layout:
    """The stack's files, given the checkout and the folder for state."""

    repository: Path = REPOSITORY
    state: Path = REPOSITORY / ".demo"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME: the database and the logs of tasks."""
        return self.state / "airflow"

    @property
    def database(self) -> Path:
        """Airflow's SQLite database; it is complete when `schema_stamp` says so."""
        return self.airflow_home / "airflow.db"

    @property
    def schema_stamp(self) -> Path:
        """The Airflow version that the database was made or migrated by."""
        return self.airflow_home / "schema-version"

    @property
    def passwords(self) -> Path:
        """SimpleAuthManager's users and passwords, plain JSON."""
        return self.airflow_home / "passwords.json"

    @property
    def secrets(self) -> Path:
        """Generated keys of this stack."""
        return self.state / "secrets.json"

    @property
    def cluster(self) -> Path:
        """The embedded cluster's state."""
        return self.state / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """Written by the embedded cluster when it is ready."""
        return self.cluster / "kubeconfig"

    @property
    def images(self) -> Path:
        """Which image names the embedded cluster has local runtimes for."""
        return self.state / "images.json"

    @property
    def logs(self) -> Path:
        """What each part prints."""
        return self.state / "logs"

    @property
    def reports(self) -> Path:
        """The runs' reports and results."""
        return self.state / "reports"

    @property
    def workload(self) -> Path:
        """The demo's items, one a line."""
        return self.state / "workload.txt"

    @property
    def plan(self) -> Path:
        """What the supervisor is to start; it holds secrets."""
        return self.state / "plan.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as the stack runs."""
        return self.state / "lock"

    @property
    def processes(self) -> Path:
        """Process ids and start times of the supervisor and the parts."""
        return self.state / "pids.json"

    @property
    def ending(self) -> Path:
        """Why the stack ended, if a part died."""
        return self.state / "ending.json"

    @property
    def endpoints(self) -> Path:
        """Where the running stack is, once it is ready."""
        return self.state / "endpoints.json"

    @property
    def port(self) -> Path:
        """Airflow's last port, asked for again at the next start so that addresses stay the same."""
        return self.state / "port.json"

    def make(self) -> None:
        """Create the folders, readable by their owner alone."""
        for folder in (self.state, self.airflow_home, self.cluster, self.logs, self.reports):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
