"""The hooks of Airflow's provider for Kubernetes work unmodified, given nothing but a kubeconfig."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from contract.cluster.harness import Kube, pod_spec

JOB = {"metadata": {"name": "job"}, "spec": {"template": {"spec": {"restartPolicy": "Never", **pod_spec("true")}}}}


@pytest.fixture(autouse=True)
def airflow_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow keeps what it writes at import in the test's directory."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))


def hook_arguments(kube: Kube) -> dict[str, Any]:
    """How a hook finds the cluster."""
    return {"conn_id": None, "config_file": str(kube.backend.kubeconfig)}


def test_the_hook_creates_and_follows_a_job(kube: Kube) -> None:
    """KubernetesHook creates a Job, waits for its end and reads its status."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook  # noqa: PLC0415 -- slow to import
    from kubernetes.client import V1Job, V1ObjectMeta  # noqa: PLC0415 -- with the hook

    hook = KubernetesHook(**hook_arguments(kube))
    job = V1Job(metadata=V1ObjectMeta(name="job", namespace=kube.ns), spec=JOB["spec"])
    hook.create_job(job)
    done = hook.wait_until_job_complete("job", kube.ns, job_poll_interval=0.2)
    assert hook.is_job_complete(done)
    assert not hook.is_job_failed(done)


def test_the_asynchronous_hook_reads_a_job_to_its_end(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    """AsyncKubernetesHook sees the same Job end."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook  # noqa: PLC0415 -- slow to import

    # This hook reads its kubeconfig from a connection only.
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(kube.backend.kubeconfig)}}
    monkeypatch.setenv("AIRFLOW_CONN_CONTRACT", json.dumps(connection))
    kube.batch.create_namespaced_job(kube.ns, JOB)
    kube.eventually("complete", lambda: kube.job_condition("job", "Complete"))

    async def work() -> Any:
        hook = AsyncKubernetesHook(conn_id="contract")
        return await hook.get_job_status("job", kube.ns)

    done = asyncio.run(work())
    assert done.status.succeeded == 1
