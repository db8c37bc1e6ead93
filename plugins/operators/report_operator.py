"""report: the journal and the ledger become the job report; fails when the run did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator, Context


class ReportOperator(BaseOperator):
    """Placeholder until the report room is there."""

    def __init__(self, *, submission: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.submission = submission

    def execute(self, context: Context) -> None:
        """Nothing yet."""
