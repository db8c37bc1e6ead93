"""The deployment's settings, one typed place; each is an environment variable of Airflow's processes.

Submissions say what a run wants; settings say what this deployment allows and where its things are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from kubejobs import __version__
from kubejobs.errors import ConfigurationError

PREFIX = "KUBEJOBS_"


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; the variable's name is `KUBEJOBS_` and the field's name in capitals.

    The defaults suit a cluster of one's own; the demo sets what it needs for itself.
    """

    config_dir: str = _setting(
        "", "Folder of controller.cfg, monitor.cfg and batches/; empty: include/configs beside the dags folder."
    )
    queue_image: str = _setting(
        "docker.io/valkey/valkey:9.0",
        "Image of a run's private queue server; any Redis-compatible server from 6.2 with `redis-server` on its PATH.",
    )
    runner_image: str = _setting(
        f"kubejobs/runner:{__version__}",
        "Image of the runner that is put into the pods of plain programs (`runner` in a submission); no registry is "
        "known to have it: build it, and name it where your cluster pulls it from.",
    )
    queue_ready_seconds: float = _setting(
        180.0, "Seconds to wait for a new queue server: a large image on a slow registry takes a minute or two."
    )
    workload_allow_private: bool = _setting(
        default=False, help_text="Let a workload be read from loopback, link-local and private addresses."
    )
    workload_allow_local_files: bool = _setting(
        default=False, help_text="Let a workload be read from files of the Airflow worker."
    )
    workload_protocols: str = _setting(
        "s3,s3a,gs,gcs,abfs,abfss,az",
        "fsspec protocols that a workload may be read with beside http(s), by commas; their addresses are not "
        "checked, so only ones whose host a submission can't choose.",
    )
    workload_max_bytes: int = _setting(
        8_589_934_592, "Largest workload in bytes after decompression; a guard against endless streams."
    )
    workload_max_seconds: float = _setting(
        3600.0, "Longest time to read a workload, in seconds; a guard against a server that drips."
    )
    report_url: str = _setting("", "fsspec folder for reports; empty: no file, the report is in the XCom alone.")
    progress_interval_seconds: float = _setting(
        5.0, "How often control publishes the XCom `progress`; each write goes through Airflow's API and database."
    )
    leader_ttl_seconds: float = _setting(
        15.0, "A control loop that is silent for this long may be replaced; longer than a garbage collection pause."
    )
    cleanup_wait_seconds: float = _setting(60.0, "How long cleanup waits for the run's objects to be gone.")

    janitor_targets: str = _setting(
        "kubernetes_default",
        "Where the janitor looks for lost runs: `connection` or `connection/namespace`, separated by commas.",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings as the environment gives them; a ConfigurationError names a bad value and its form."""
        source = os.environ if environment is None else environment
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for item in fields(cls):
            text = source.get(PREFIX + item.name.upper())
            if text is not None:
                values[item.name] = _parse(PREFIX + item.name.upper(), text, hints[item.name])
        return cls(**values)


_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is str:
        return text
    if kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ConfigurationError(f"{name} is {text!r}; it must be true or false")
    try:
        number = kind(text)
    except ValueError as error:
        raise ConfigurationError(f"{name} is {text!r}; it must be a number") from error
    if not number > 0:
        raise ConfigurationError(f"{name} is {text!r}; it must be greater than 0")
    return number
