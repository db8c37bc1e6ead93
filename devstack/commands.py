"""The commands `demo`, `up` and `down`; each returns its exit code."""

from __future__ import annotations

from collections.abc import Callable

from devstack.console import Console
from devstack.demo import run_demo
from devstack.interruption import Interruption
from devstack.layout import Layout
from devstack.session import running_endpoint, started_stack
from devstack.stack import stop_running

Command = Callable[[Layout, Interruption, Console], int]


def up(layout: Layout, interruption: Interruption, console: Console) -> int:
    """Start the stack and leave it running."""
    endpoint = running_endpoint(layout)
    if endpoint is not None:
        print(f"already up\n{endpoint.describe()}\nstop it with `make down`")
        return 0
    with started_stack(layout, interruption, console) as (stack, endpoint), interruption.held():
        stack.detach()
    print(f"{endpoint.describe()}\nit keeps running; stop it with `make down`")
    return 0


def down(layout: Layout, interruption: Interruption, console: Console) -> int:
    """Stop the stack that runs, and whatever a killed one has left."""
    with interruption.held(), console.waiting("stopping the stack"):
        found = stop_running(layout)
    print("stopped" if found else "nothing was running")
    return 0


COMMANDS: dict[str, Command] = {"demo": run_demo, "up": up, "down": down}
