"""The plan of a run: what deploy decided and every later stage reads from the queue.

Rule: written once, by deploy, when the queue is filled; the run's clock starts at `started_at`.
It never holds a secret: the submission in it is without the workers' environment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from kubejobs.naming import RunIdentity
from kubejobs.submission.model import Submission

PLAN_VERSION = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """One run as it was started.

    `submitted_at` is when Airflow made the run, by Airflow's clock; `started_at` is when the queue was filled, by the
    queue server's clock (all later times are by that clock too). Both are seconds since the epoch.
    """

    identity: RunIdentity
    submission: Submission
    namespace: str
    total: int
    submitted_at: float
    started_at: float

    def to_json(self) -> str:
        """The plan as the queue stores it, without the workers' environment."""
        submission = self.submission.model_dump(mode="json", exclude={"env", "workload"})
        return json.dumps(
            {
                "version": PLAN_VERSION,
                "dag_id": self.identity.dag_id,
                "run_id": self.identity.run_id,
                "namespace": self.namespace,
                "total": self.total,
                "submitted_at": self.submitted_at,
                "started_at": self.started_at,
                "submission": submission,
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """The plan that `to_json` wrote."""
        data = json.loads(text)
        return cls(
            identity=RunIdentity(data["dag_id"], data["run_id"]),
            submission=Submission.model_validate(data["submission"] | {"workload": {}}),
            namespace=data["namespace"],
            total=data["total"],
            submitted_at=data["submitted_at"],
            started_at=data["started_at"],
        )
