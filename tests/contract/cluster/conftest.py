"""The backends of the contract suite: the embedded cluster, the same with delays, and a genuine one if it is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from contract.cluster.harness import GENUINE_KUBECONFIG, LOCAL_BACKENDS, Backend, Kube, open_backend

BACKENDS = [*LOCAL_BACKENDS, *(["genuine"] if GENUINE_KUBECONFIG else [])]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the delayed cluster only the tests that its delays can change: they take time."""

    def calm(item: pytest.Item) -> bool:
        chosen = getattr(item, "callspec", None)
        delayed = chosen is not None and chosen.params.get("backend") == "localkube-delayed"
        return delayed and not getattr(getattr(item, "function", None), "races", False)

    left_out = [item for item in items if calm(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not calm(item)]


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """One cluster for all tests."""
    directory: Path = tmp_path_factory.mktemp("backend")
    with open_backend(request.param, directory) as opened:
        yield opened


@pytest.fixture(scope="session")
def api(backend: Backend) -> Iterator[client.ApiClient]:
    """An official client."""
    with backend.new_client() as opened:
        yield opened


@pytest.fixture
def kube(backend: Backend, api: client.ApiClient, request: pytest.FixtureRequest) -> Iterator[Kube]:
    """A namespace of the test's own, removed with all that is in it."""
    reason = getattr(request.function, "gap_reason", None)
    if reason and not backend.genuine:
        pytest.skip(f"a listed gap: {reason}")
    core = client.CoreV1Api(api)
    namespace = core.create_namespace({"metadata": {"generateName": "contract-"}}).metadata.name
    opened = Kube(backend, api, namespace)
    if backend.genuine:  # a genuine cluster refuses pods until the namespace has its service account

        def account() -> bool:
            return bool(core.list_namespaced_service_account(namespace).items)

        opened.eventually("the default service account", account)
    yield opened
    core.delete_namespace(namespace)
