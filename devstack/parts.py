"""The parts of the stack: the embedded cluster and Airflow's four programs, and the making of its database.

The start is ordered for two cores: the API server takes longest (twenty seconds of one core on a slow machine), so it
has one core for itself, and the others share the second one by starting one after another.
"""

from __future__ import annotations

import sys
from pathlib import Path

from devstack.layout import Layout
from devstack.migration import schema_is_current
from devstack.part import Part
from devstack.private_file import write_private

DEMO_IMAGE = "kubejobs-demo:local"
_BETWEEN_STARTS_SECONDS = 3.5


def write_images(layout: Layout) -> None:
    """Tell the embedded cluster which local runtime stands for the demo's image."""
    runtime = {"path": [str(_programs())], "env": {"PYTHONPATH": str(layout.repository / "examples")}}
    write_private(layout.images, {DEMO_IMAGE: runtime})


def stack_parts(layout: Layout, environment: dict[str, str]) -> list[Part]:
    """All parts in the order of their start, with `environment` for those of Airflow."""
    migration = [] if schema_is_current(layout) else [_migration(layout, environment)]
    first = tuple(part.name for part in migration)
    return [
        _airflow("api-server", layout, environment),
        *migration,
        _cluster(layout, environment),
        _airflow("scheduler", layout, environment, "--skip-serve-logs", after=first),
        _airflow("dag-processor", layout, environment, after=first, delay_seconds=_BETWEEN_STARTS_SECONDS),
        _airflow(
            "triggerer",
            layout,
            environment,
            "--skip-serve-logs",
            after=first,
            delay_seconds=2 * _BETWEEN_STARTS_SECONDS,
        ),
    ]


def _airflow(
    name: str,
    layout: Layout,
    environment: dict[str, str],
    *options: str,
    after: tuple[str, ...] = (),
    delay_seconds: float = 0.0,
) -> Part:
    """One of Airflow's programs. Logs are read from the disk that all share, so no part serves them by a port."""
    return Part(
        name=name,
        command=(str(_programs() / "airflow"), name, *options),
        log=layout.logs / f"{name}.log",
        environment=environment,
        after=after,
        delay_seconds=delay_seconds,
        stop_seconds=3.0,
    )


def _migration(layout: Layout, environment: dict[str, str]) -> Part:
    return Part(
        name="database",
        command=(sys.executable, "-m", "devstack.migration", str(layout.state)),
        log=layout.logs / "database.log",
        environment=environment,
        once=True,
        stop_seconds=1.0,
    )


def _cluster(layout: Layout, environment: dict[str, str]) -> Part:
    return Part(
        name="localkube",
        command=(str(_programs() / "localkube"), "--state", str(layout.cluster), "--images", str(layout.images)),
        log=layout.logs / "localkube.log",
        environment={
            name: value
            for name, value in environment.items()
            if not name.startswith(("AIRFLOW", "KUBEJOBS_", "PYTHONPATH"))
        },
        stop_seconds=8.0,
    )


def _programs() -> Path:
    """The folder of the virtual environment's programs."""
    return Path(sys.executable).parent
