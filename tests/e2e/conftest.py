"""A real Airflow for whole runs: on the embedded cluster, or on any other by KUBEJOBS_TEST_KUBECONFIG.

With another cluster, KUBEJOBS_TEST_WORKER_IMAGE names an image with this project's worker library in it (see
worker_image.py) and KUBEJOBS_TEST_QUEUE_IMAGE one with a `redis-server`; both have to be in the cluster already.
"""

from __future__ import annotations

import os

import pytest
from e2e_stack import E2EStack, running_stack

from support.valkey import running_valkey


@pytest.fixture(scope="session")
def shared_redis():
    """The address of a Redis that is not the project's own, with a password."""
    with running_valkey() as server:
        yield server.address()


@pytest.fixture(scope="session")
def stack(tmp_path_factory, shared_redis):
    """Airflow's four parts and the cluster, ready for runs."""
    with running_stack(tmp_path_factory.mktemp("stack"), os.environ, shared_redis) as ready:
        yield ready


@pytest.fixture(autouse=True)
def nothing_left(stack: E2EStack):
    """After every test, no run of it has left an object or an unfinished task behind."""
    yield
    stack.wait_until_clean()
