"""Label and field selectors: from their text to a predicate over objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localkube import errors
from localkube.state.kinds import Kind, Object
from localkube.state.objects import labels_of

Predicate = Callable[[Object], bool]

_SET = re.compile(r"^(?P<key>[\w./-]+)\s+(?P<operator>in|notin)\s+\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[\w./-]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[\w.-]*)$")
_EXISTS = re.compile(r"^(?P<absent>!?)\s*(?P<key>[\w./-]+)$")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")

_METADATA_FIELDS = ("metadata.name", "metadata.namespace")
_FIELDS = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"),
    "events": (
        *(f"involvedObject.{part}" for part in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "jobs": ("status.successful",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
}


def label_predicate(text: str | None) -> Predicate:
    """The predicate of a label selector, equality- and set-based; ApiError 400 if it can't be read."""
    requirements = [_requirement(part.strip()) for part in _COMMA_OUTSIDE_PARENTHESES.split(text)] if text else []
    return lambda item: all(requirement(labels_of(item)) for requirement in requirements)


def _requirement(text: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.match(text):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["operator"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.match(text):
        key, value = match["key"], match["value"]
        if match["operator"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.match(text):
        key, absent = match["key"], bool(match["absent"])
        return lambda labels: (key in labels) != absent
    raise errors.bad_request(f"unable to parse requirement: {text!r} is not a label selector")


def field_predicate(text: str | None, kind: Kind) -> Predicate:
    """The predicate of a field selector; ApiError 400 for a field that the kind can't be selected by."""
    wanted = [_field(part, kind) for part in text.split(",")] if text else []
    return lambda item: all((_value(item, path) == value) == equal for path, equal, value in wanted)


def _field(text: str, kind: Kind) -> tuple[str, bool, str]:
    path, operator, value = re.split(r"(!=|==|=)", text, maxsplit=1) if "=" in text else (text, "", "")
    if not operator:
        raise errors.bad_request(f"invalid selector: '{text}'; can't understand '{text}'")
    if path not in (*_METADATA_FIELDS, *_FIELDS.get(kind.plural, ())):
        raise errors.bad_request(f'field label not supported: "{path}"')
    return path, operator != "!=", value


def _value(item: Object, path: str) -> str:
    found: Any = item
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return str(found)


def matches_labels(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether labels satisfy a selector object (`matchLabels` and `matchExpressions`)."""
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_expression(rule, labels) for rule in selector.get("matchExpressions") or [])


def _expression(rule: dict[str, Any], labels: dict[str, str]) -> bool:
    value = labels.get(rule["key"])
    match rule["operator"]:
        case "In":
            return value in rule["values"]
        case "NotIn":
            return value not in rule["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None
