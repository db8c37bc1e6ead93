"""What every task of a run has in common: the submission it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator


class RunOperator(BaseOperator):
    """One stage of a run.

    :param submission: the submission of a scheduled batch; the run's conf wins over it, key by key.
    """

    def __init__(self, *, submission: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.submission = submission
