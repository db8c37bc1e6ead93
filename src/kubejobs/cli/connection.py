"""The options that say which Airflow, and as whom; the same for every command that talks to it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from kubejobs.cli.airflow_api import AirflowApi
from kubejobs.cli.credentials import Credentials
from kubejobs.errors import ConfigurationError

_PREFIX = "KUBEJOBS_AIRFLOW_"


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Add --url, --user, --password and --token, each with an environment variable as its default."""
    group = parser.add_argument_group("Airflow", f"each also by environment variable, such as {_PREFIX}URL")
    group.add_argument("--url", help="where Airflow is, such as http://127.0.0.1:8080")
    group.add_argument("--user", help="user name")
    group.add_argument(
        "--password", help="password; other users of the machine can see arguments, so prefer the variable"
    )
    group.add_argument("--token", help="a ready access token, instead of user and password")


def connect(options: argparse.Namespace, environment: Mapping[str, str] | None = None) -> AirflowApi:
    """A client for what the options or the environment name; ConfigurationError where something is missing."""
    source = os.environ if environment is None else environment

    def chosen(name: str) -> str | None:
        return getattr(options, name) or source.get(_PREFIX + name.upper()) or None

    url = chosen("url")
    if url is None or not url.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"Airflow's address is {url or 'not given'}: give --url or {_PREFIX}URL, such as http://127.0.0.1:8080"
        )
    return AirflowApi(url, Credentials(user=chosen("user"), password=chosen("password"), token=chosen("token")))
