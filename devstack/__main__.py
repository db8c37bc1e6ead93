"""`python -m devstack demo|up|down`: the commands behind `make demo`, `make up` and `make down`.

Exit codes: 0 done, 1 failed (the reason is on standard error), 2 a wrong command line, 128 + signal when interrupted.
"""

from __future__ import annotations

import argparse
import sys

from devstack.interruption import Interrupted, Interruption


def main() -> int:
    """Run one command."""
    interruption = Interruption()
    try:
        interruption.install()
        return _run(interruption)
    except Interrupted as interrupted:
        print("stopped; no process is left", file=sys.stderr)
        return interrupted.exit_code


def _run(interruption: Interruption) -> int:
    """The command of the command line. Its modules are imported here, where an interruption is caught already."""
    from devstack.commands import COMMANDS  # noqa: PLC0415 - see above
    from devstack.console import Console  # noqa: PLC0415
    from devstack.errors import StackError  # noqa: PLC0415
    from devstack.layout import Layout  # noqa: PLC0415
    from kubejobs.errors import KubeJobsError  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="devstack", description="The development stack, and the demo on it.")
    parser.add_argument("command", choices=COMMANDS)
    command = COMMANDS[parser.parse_args().command]
    try:
        return command(Layout(), interruption, Console(sys.stderr))
    except (StackError, KubeJobsError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
