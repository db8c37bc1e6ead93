"""Where the running stack is and how to sign in to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from devstack.credentials import USER
from devstack.layout import Layout
from devstack.private_file import read_json, write_private
from kubejobs.cli.airflow_api import AirflowApi
from kubejobs.cli.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Airflow's address and user, and the file with the cluster's."""

    url: str
    password: str = field(repr=False)
    kubeconfig: str
    user: str = USER

    def api(self) -> AirflowApi:
        """A client of this Airflow; close it after use."""
        return AirflowApi(self.url, Credentials(user=self.user, password=self.password))

    def save(self, layout: Layout) -> None:
        """Write down that the stack is ready, and where."""
        write_private(layout.endpoints, {"url": self.url, "kubeconfig": self.kubeconfig})

    @classmethod
    def load(cls, layout: Layout) -> Endpoint | None:
        """The running stack's endpoint; None while it is not ready."""
        stored, users = read_json(layout.endpoints), read_json(layout.passwords)
        if stored is None or users is None:
            return None
        return cls(url=stored["url"], password=users[USER], kubeconfig=stored["kubeconfig"])

    def describe(self) -> str:
        """A few lines for whoever wants to use it."""
        return "\n".join(
            [
                f"  Airflow     {self.url}",
                f"  user        {self.user}",
                f"  password    {self.password}",
                f"  kubeconfig  {self.kubeconfig}",
            ]
        )


def remembered_port(layout: Layout) -> int | None:
    """The port of the last start."""
    stored = read_json(layout.port)
    return int(stored) if isinstance(stored, int) else None


def remember_port(layout: Layout, url: str) -> None:
    """Ask for the same port at the next start."""
    write_private(layout.port, urlsplit(url).port)
