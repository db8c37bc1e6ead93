"""Make or migrate Airflow's database, and write down which version it is when that is complete.

A part of the stack of its own. A database without the note is half made, and `discard_incomplete` removes it before the
next start.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from devstack.layout import Layout


def airflow_version() -> str:
    """The version of the installed Airflow, without importing it."""
    return version("apache-airflow-core")


def schema_is_current(layout: Layout) -> bool:
    """Whether the database is complete and of the installed Airflow's version."""
    if not layout.database.exists() or not layout.schema_stamp.exists():
        return False
    return layout.schema_stamp.read_text(encoding="ascii").strip() == airflow_version()


def discard_incomplete(layout: Layout) -> None:
    """Remove a database whose making was interrupted. No part may run."""
    if not layout.schema_stamp.exists():
        for file in layout.airflow_home.glob(f"{layout.database.name}*"):
            file.unlink()


def migrate(layout: Layout) -> int:
    """Bring the database to the installed Airflow's schema; the exit code of `airflow db migrate`."""
    layout.schema_stamp.unlink(missing_ok=True)
    code = subprocess.call([str(Path(sys.executable).parent / "airflow"), "db", "migrate"])
    if code == 0:
        layout.schema_stamp.write_text(airflow_version(), encoding="ascii")
    return code


if __name__ == "__main__":
    sys.exit(migrate(Layout(state=Path(sys.argv[1]))))
