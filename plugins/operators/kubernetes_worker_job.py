"""The Job of workers as a KubernetesJobOperator: its hook and its kind, with a name that a retry finds again."""

from __future__ import annotations

from typing import Any, Self

from airflow.providers.cncf.kubernetes.operators.job import KubernetesJobOperator

from kubejobs.cluster.client import ClusterClient, read_queue_address
from kubejobs.cluster.manifests import owned_by, worker_job
from kubejobs.errors import ObjectGoneError
from kubejobs.naming import RunIdentity
from kubejobs.submission.model import Submission
from operators.connections import kubeconfig_of, usable


class KubernetesWorkerJobOperator(KubernetesJobOperator):
    """A Job without completions, created once for a run however often the task is tried.

    What the provider's operator would render, log or push (the manifest, the environment, the pods' logs) is left out.
    """

    template_fields = ()

    @classmethod
    def for_run(cls, run: RunIdentity, submission: Submission, namespace: str, runner_image: str) -> Self:
        """The operator of one run's Job; `runner_image` holds the static runner, for submissions that ask for it."""
        operator = cls(
            task_id="workers",
            name=run.job_name,
            namespace=namespace,
            kubernetes_conn_id=submission.cluster,
            config_file=kubeconfig_of(submission.cluster),
            image=submission.image,
            parallelism=submission.scaling.initial_replicas,
            random_name_suffix=False,
            get_logs=False,
            do_xcom_push=False,
            deferrable=True,
            wait_until_job_complete=True,
        )
        operator.run = run
        operator.worker_submission = submission
        operator.runner_image = runner_image
        return operator

    run: RunIdentity
    worker_submission: Submission
    runner_image: str

    def create_or_adopt(self) -> Any:
        """The Job, made now or by an earlier try; ObjectGoneError if the run was cleaned up meanwhile."""
        with usable(str(self.kubernetes_conn_id)):
            cluster = ClusterClient(self.hook.api_client)
        namespace = str(self.namespace)
        address = read_queue_address(cluster, self.run, namespace)
        anchor = cluster.find("ConfigMap", self.run.anchor_name, namespace)
        if address is None or anchor is None:
            raise ObjectGoneError(
                f"the run's objects in {namespace} were deleted before its Job was made; trigger the run again"
            )
        manifest = worker_job(self.run, namespace, self.worker_submission, address, self.runner_image)
        return cluster.create_or_adopt(owned_by(manifest, anchor.metadata.uid, self.run))
