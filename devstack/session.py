"""Bring the stack up for a command: a clean start, the wait until it is ready, the stop if anything goes wrong."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devstack.airflow_environment import airflow_environment
from devstack.console import Console
from devstack.credentials import USER, StackSecrets
from devstack.endpoint import Endpoint, remember_port, remembered_port
from devstack.errors import StackError
from devstack.interruption import Interruption
from devstack.layout import Layout
from devstack.lost_runs import end_lost_runs
from devstack.migration import discard_incomplete, schema_is_current
from devstack.parts import stack_parts, write_images
from devstack.ports import LOOPBACK, free_port
from devstack.readiness import wait_until_ready
from devstack.stack import Stack, is_running


def running_endpoint(layout: Layout) -> Endpoint | None:
    """Where the stack is that runs already; None if none runs, StackError while it is starting or used by a demo."""
    if not is_running(layout):
        return None
    endpoint = Endpoint.load(layout)
    if endpoint is None:
        raise StackError(f"a stack is starting or stopping in {layout.state}; wait for it, or stop it with `make down`")
    return endpoint


@contextmanager
def started_stack(
    layout: Layout, interruption: Interruption, console: Console, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[tuple[Stack, Endpoint]]:
    """A ready stack; it is stopped when the block ends in any way, unless the block has detached it.

    `meanwhile` is done while the parts start.
    """
    stack: Stack | None = None
    try:
        with console.waiting("starting the embedded cluster and Airflow") as say:
            with interruption.held():
                stack, endpoint, started_at = _start(layout, interruption)
            meanwhile()
            with endpoint.api() as api:
                wait_until_ready(layout, api, stack.check, say, started_at)
            endpoint.save(layout)
        yield stack, endpoint
    finally:
        interruption.silence()
        if stack is not None:
            stack.stop()


def _start(layout: Layout, interruption: Interruption) -> tuple[Stack, Endpoint, float]:
    """Start every part of a fresh stack; nothing of it is ready yet."""
    layout.make()
    secrets = StackSecrets.load_or_make(layout)
    write_images(layout)
    port = free_port(remembered_port(layout))
    endpoint = Endpoint(f"http://{LOOPBACK}:{port}", secrets.password, str(layout.kubeconfig), USER)
    remember_port(layout, endpoint.url)
    parts = stack_parts(layout, airflow_environment(layout, secrets, port))

    def prepare() -> None:
        shutil.rmtree(layout.cluster, ignore_errors=True)
        layout.cluster.mkdir(mode=0o700)
        discard_incomplete(layout)
        if schema_is_current(layout):
            end_lost_runs(layout)

    started_at = time.time()
    return Stack.start(layout, parts, interruption, prepare), endpoint, started_at
