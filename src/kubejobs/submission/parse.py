"""JSON in any of the accepted shapes → one `Submission`, or every problem with it at once.

Rule: whatever the input, the only exception is SubmissionError, and no message shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubejobs.errors import Problem, SubmissionError
from kubejobs.submission.defaults import Defaults
from kubejobs.submission.documents import is_documents_shape, read_documents_shape
from kubejobs.submission.expectation import known_values
from kubejobs.submission.issue import Issue, look_up
from kubejobs.submission.model import Submission
from kubejobs.submission.paths import Path
from kubejobs.submission.plain import MAX_CONF_BYTES, plain_problems
from kubejobs.submission.prefilled import without_prefilled
from kubejobs.submission.shaped import FLAT_FIELDS, Shaped, read_product_shape
from kubejobs.submission.validate import validate


def parse_submission(
    conf: Mapping[str, Any], defaults: Defaults | None = None, *, max_bytes: int = MAX_CONF_BYTES
) -> Submission:
    """The submission that `conf` describes, with the deployment's `defaults` for what it leaves out.

    Raises SubmissionError with every problem, each by the field's path in the shape that the user wrote.
    """
    problems = plain_problems(conf, max_bytes)
    if problems:
        raise SubmissionError(problems)
    here = defaults or Defaults()
    conf = without_prefilled(conf, here.fields, FLAT_FIELDS)
    shaped = read_documents_shape(conf) if is_documents_shape(conf) else read_product_shape(conf)
    issues = _not_enabled(shaped, here)
    submission, found = validate(here.complete(shaped.fields))
    problems = _merged(shaped, issues + found)
    if problems or submission is None:
        raise SubmissionError(problems)
    return submission


def _not_enabled(shaped: Shaped, defaults: Defaults) -> list[Issue]:
    """Actuators and metric sources that the model knows and this deployment does not enable."""
    issues = []
    for field, enabled in (("actuator", defaults.actuators), ("metric_source", defaults.metric_sources)):
        path: Path = ("scaling", field)
        value = look_up(shaped.fields, path)
        if isinstance(value, str) and value in known_values(path) and value not in enabled:
            issues.append(Issue(path, f"is not enabled in this deployment; it must be {' or '.join(enabled)}"))
    return issues


def _merged(shaped: Shaped, issues: list[Issue]) -> list[Problem]:
    """The problems of the shape and of the fields, one for each field, by the user's own names."""
    problems = {problem.field: problem for problem in reversed(shaped.problems)}
    problems = {problem.field: problem for problem in reversed(problems.values())}
    for issue in issues:
        name = shaped.name_of(issue.path)
        message = issue.message
        if issue.others:
            message = message.format(*(shaped.name_of(other) for other in issue.others))
        problems.setdefault(name, Problem(name, message))
    return list(problems.values())


def location_of_cleanup(conf: Any, defaults: Defaults | None = None) -> tuple[str, str | None]:
    """The cluster's connection and the namespace that a run used, for its cleanup, however bad its submission is.

    Never raises; what can't be read is the deployment's default, else `kubernetes_default`, and None for the
    connection's namespace.
    """
    standing = (defaults or Defaults()).fields
    cluster: Any = standing.get("cluster", Submission.model_fields["cluster"].default)
    namespace: Any = standing.get("namespace")
    info = conf.get("plugin_info") if isinstance(conf, Mapping) else None
    for place in (conf, info):
        if isinstance(place, Mapping):
            cluster = _text(place.get("cluster")) or _text(place.get("cluster_name")) or cluster
            namespace = _text(place.get("namespace")) or namespace
    return cluster, namespace


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
