"""A run's submission and the items that are to run again → the submission of the new run. Pure.

Rule: nothing but the workload changes, unless it is asked for, so that what was accepted before is accepted again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kubejobs.errors import ConfigurationError, SubmissionError
from kubejobs.submission.documents import is_documents_shape, read_documents_shape
from kubejobs.submission.parse import parse_submission
from kubejobs.submission.shaped import FLAT_FIELDS

_DOCUMENT_KEYS = ("plugin", "plugin_info", "enable_auth")
_WORKLOAD = "workload"


def redrive_conf(conf: Mapping[str, Any], workload: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The new run's conf, in the product's own shape whichever `conf` is in.

    `changes` are fields by their dotted or flat names; SubmissionError if they make problems that `conf` did not have.
    """
    fields = _product_fields(conf)
    # Null is "not given"; here it also hides what a batch's own submission says of its workload.
    fields |= {name: None for name, path in FLAT_FIELDS.items() if path[0] == _WORKLOAD}
    fields[_WORKLOAD] = dict(workload)
    if changes:
        before = _problems(fields)
        for name, value in changes.items():
            _change(fields, name, value)
        if made := [problem for problem in _problems(fields) if problem not in before]:
            raise SubmissionError(made)
    return fields


def parse_changes(assignments: Iterable[str]) -> dict[str, Any]:
    """`field=value` texts as fields; a value that is JSON is that, any other is text."""
    changes = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not name or not separator:
            raise ConfigurationError(f"{assignment!r} changes no field; write it as image=busybox:2")
        if name.partition(".")[0] == _WORKLOAD or FLAT_FIELDS.get(name, ("",))[0] == _WORKLOAD:
            raise ConfigurationError(f"{name!r} can't be changed: the items that are run again are the workload")
        try:
            changes[name] = json.loads(text)
        except ValueError:
            changes[name] = text
    return changes


def _product_fields(conf: Mapping[str, Any]) -> dict[str, Any]:
    """The documents' shape has no place for items; what stands beside `plugin_info` are the trigger form's defaults."""
    if not is_documents_shape(conf):
        return dict(conf)
    nested = conf.get("plugin") or conf.get("plugin_info")
    document = {key: conf[key] for key in _DOCUMENT_KEYS if key in conf} if nested else conf
    return dict(read_documents_shape(document).fields)


def _change(fields: dict[str, Any], name: str, value: Any) -> None:
    path = tuple(map(str, FLAT_FIELDS.get(name, name.split("."))))
    for flat, place in FLAT_FIELDS.items():
        if place == path:
            fields.pop(flat, None)
    owner = fields
    for part in path[:-1]:
        section = owner.get(part)
        owner[part] = dict(section) if isinstance(section, Mapping) else {}
        owner = owner[part]
    owner[path[-1]] = value


def _problems(conf: Mapping[str, Any]) -> tuple[Any, ...]:
    try:
        parse_submission(conf)
    except SubmissionError as error:
        return error.problems
    return ()
