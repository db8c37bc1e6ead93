"""The clusters of the cluster contract, and one run on them."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import Any

import pytest

from contract.cluster.conftest import api, backend, kube
from contract.cluster.harness import IMAGE, Kube
from kubejobs.cluster.client import ClusterClient
from kubejobs.cluster.remove import objects_of
from kubejobs.deploy.queue_server import Target
from kubejobs.naming import RunIdentity
from kubejobs.settings import Settings
from kubejobs.submission.model import Submission
from kubejobs.submission.parse import parse_submission

__all__ = ["api", "backend", "kube", "run"]

WORKER_IMAGE = os.environ.get("KUBEJOBS_TEST_WORKER_IMAGE")
QUEUE_IMAGE = os.environ.get("KUBEJOBS_TEST_QUEUE_IMAGE", Settings().queue_image)
# The program kubejobs-worker, however the image has installed the package.
RUNNER = ["python3", "-m", "kubejobs.worker.main"]
_numbers = itertools.count()


@dataclass
class Run:
    """A run of its own in a namespace of its own."""

    kube: Kube
    target: Target

    def submission(self, **fields: Any) -> Submission:
        """A small submission whose workers run the client library's runner."""
        return parse_submission(
            {
                "image": WORKER_IMAGE if self.kube.backend.genuine and WORKER_IMAGE else IMAGE,
                "image_pull_policy": "IfNotPresent",
                "command": [*RUNNER, "--", "true", "{item}"],
                "workload": {"items": ["a"]},
                "expected_time": 60,
                **fields,
            }
        )

    @property
    def settings(self) -> Settings:
        """The deployment's settings; a genuine cluster may only have the queue's image that the environment names."""
        return Settings(queue_image=QUEUE_IMAGE if self.kube.backend.genuine else Settings().queue_image)

    def objects(self) -> list[str]:
        """Everything that carries the run's label."""
        return [str(item) for item in objects_of(self.target.cluster, self.target.run, self.target.namespace)]


@pytest.fixture
def run(kube: Kube) -> Run:
    """A run that has made nothing yet."""
    identity = RunIdentity("kubejobs", f"contract__{kube.ns}_{next(_numbers)}")
    return Run(kube, Target(ClusterClient(kube.api), kube.ns, identity))
