"""Fields in the product's shape → `Submission`, or every issue with them, in words.

Rule: what may be secret (the environment, commands, the workload) is never shown in an issue.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kubejobs.submission.expectation import field_schema, in_words, known_keys
from kubejobs.submission.field_types import TAGS
from kubejobs.submission.issue import Fields, Issue
from kubejobs.submission.model import Queue, Submission
from kubejobs.submission.paths import Path, did_you_mean
from kubejobs.submission.patterns import DEFAULT_REQUESTS, PATTERNS_IN_WORDS
from kubejobs.submission.plain import kind_of
from kubejobs.submission.rules import check_rules, quantity

_NEVER_SHOWN = frozenset({"env", "command", "args", "workload", "report_url"})
_LONGEST_SHOWN = 60
_KEY = "[key]"
_NOT_FIELDS = frozenset({_KEY, *TAGS})


def validate(fields: Fields) -> tuple[Submission | None, list[Issue]]:
    """The submission that `fields` describe, or None and everything wrong with them."""
    completed = _completed(fields)
    submission, issues = None, []
    try:
        submission = Submission.model_validate(completed)
    except ValidationError as error:
        issues = [_issue(details) for details in error.errors(include_url=False)]
    seen = {issue.path for issue in issues}
    issues += [issue for issue in check_rules(completed) if issue.path not in seen and issue.path[:1] not in seen]
    return (None, issues) if issues else (submission, [])


def _completed(fields: Fields) -> Fields:
    """The fields with the defaults that follow from others: first replicas, longest delay, requests within limits."""
    completed = dict(fields)
    completed.setdefault("workload", {})
    scaling = completed.get("scaling")
    if isinstance(scaling, dict) and scaling.get("initial_replicas") is None:
        least = scaling.get("min_replicas")
        if isinstance(least, int) and not isinstance(least, bool) and least > 1:
            completed["scaling"] = {**scaling, "initial_replicas": least}
    completed["resources"] = _with_requests(completed.get("resources"))
    queue = completed.get("queue")
    if isinstance(queue, dict):
        completed["queue"] = {**queue, **_longest_delay(queue), "resources": _with_requests(queue.get("resources"))}
    return {name: value for name, value in completed.items() if value is not None}


def _longest_delay(queue: Fields) -> Fields:
    """A first delay beyond the default of the longest one raises that."""
    first = queue.get("retry_seconds")
    given = queue.get("retry_max_seconds") is not None or not isinstance(first, int | float) or isinstance(first, bool)
    return {} if given else {"retry_max_seconds": max(first, Queue.model_fields["retry_max_seconds"].default)}


def _with_requests(resources: Any) -> Any:
    """Where only limits are given, the small default requests within them, as Kubernetes would refuse the pod."""
    if resources is None:
        return {}
    limits = resources.get("limits") if isinstance(resources, dict) else None
    if not isinstance(limits, dict) or resources.get("requests") is not None:
        return resources
    return {**resources, "requests": {name: _smaller(v, limits.get(name)) for name, v in DEFAULT_REQUESTS.items()}}


def _smaller(request: str, limit: Any) -> str:
    allowed, wanted = quantity(limit), quantity(request)
    return str(limit) if allowed is not None and wanted is not None and allowed < wanted else request


def _issue(details: ErrorDetails) -> Issue:
    """One of pydantic's errors in the project's words."""
    path: Path = tuple(part for part in details["loc"] if part not in _NOT_FIELDS)
    kind = details["type"]
    if kind == "missing":
        return Issue(path, f"is missing; it must be {_expected(path)}")
    if kind == "extra_forbidden":
        return Issue(path, f"is not a field of a submission; {did_you_mean(str(path[-1]), known_keys(path[:-1]))}")
    if details["loc"][-1] == _KEY:
        words = PATTERNS_IN_WORDS.get(details.get("ctx", {}).get("pattern", ""), "a shorter name")
        return Issue(path, f"has a name that is not allowed here; it must be {words}")
    return Issue(path, f"is {shown(path, details.get('input'))}; it must be {_expected(path)}")


def _expected(path: Path) -> str:
    schema = field_schema(path)
    return in_words(schema) if schema else "left out"


def shown(path: Path, value: Any) -> str:
    """The value as a message may show it: short, and never one that may be a secret."""
    if isinstance(value, str) and path and path[0] not in _NEVER_SHOWN:
        text = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
        return json.dumps(text, ensure_ascii=not text.isprintable()) if text else "empty text"
    if isinstance(value, bool | int | float) and path and path[0] not in _NEVER_SHOWN:
        return json.dumps(value)
    if value == "":
        return "empty text"
    return "text that does not fit" if isinstance(value, str) else kind_of(value)
