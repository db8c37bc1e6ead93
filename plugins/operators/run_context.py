"""Airflow's context → the run's identity, submission and settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import conf

from kubejobs.errors import SubmissionError
from kubejobs.naming import RunIdentity
from kubejobs.settings import Settings

if TYPE_CHECKING:
    from kubejobs.submission.defaults import Defaults
    from kubejobs.submission.model import Submission


def identity(context: Mapping[str, Any]) -> RunIdentity:
    """The run's identity."""
    run = context["dag_run"]
    return RunIdentity(run.dag_id, run.run_id)


def configuration(context: Mapping[str, Any], preset: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the user asked for: a batch's preset submission under the conf of this very run."""
    return {**(preset or {}), **(context["dag_run"].conf or {})}


def submission(context: Mapping[str, Any], preset: Mapping[str, Any] | None, settings: Settings) -> Submission:
    """The validated submission; SubmissionError names every problem."""
    from kubejobs.submission.parse import parse_submission  # noqa: PLC0415 - of no use to the parse of a DAG file

    return parse_submission(configuration(context, preset), defaults(settings))


def could_be_accepted(context: Mapping[str, Any], preset: Mapping[str, Any] | None) -> bool:
    """Whether a deployment that enables everything would accept the submission."""
    from kubejobs.submission.parse import parse_submission  # noqa: PLC0415 - of no use to the parse of a DAG file

    try:
        parse_submission(configuration(context, preset))
    except SubmissionError:
        return False
    return True


def config_dir(settings: Settings) -> Path:
    """The folder of controller.cfg, monitor.cfg and batches/."""
    if settings.config_dir:
        return Path(settings.config_dir)
    return Path(conf.get("core", "dags_folder")).parent / "include" / "configs"


def defaults(settings: Settings) -> Defaults:
    """The deployment's defaults; ConfigurationError if a file is wrong."""
    from kubejobs.submission.defaults import read_defaults  # noqa: PLC0415 - of no use to the parse of a DAG file

    return read_defaults(config_dir(settings))


def submitted_at(context: Mapping[str, Any]) -> float:
    """When the run was asked for, in seconds since the epoch."""
    run = context["dag_run"]
    return float(run.run_after.timestamp())
