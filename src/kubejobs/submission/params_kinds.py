"""What the fields of Airflow's trigger form are made of: their sections, and one function for each kind of field.

Rule: standard library only; see `params.py`.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

JOB = "Run Parameters"  # the section that Airflow opens by itself
SCALING = "Scaling"
CLUSTER = "Cluster"
QUEUE = "Queue"
LIMITS = "Limits"
NESTED = "Nested fields (JSON)"
DOCUMENTS = "The documents' shape (JSON)"

YEAR_SECONDS = 31_536_000
DAY_SECONDS = 86_400


def schema_of(kind: str | list[str], title: str, description: str, section: str, **rest: Any) -> Schema:
    """A field that may be left out; `rest` are further constraints of JSON schema."""
    kinds = [kind] if isinstance(kind, str) else kind
    return {"type": ["null", *kinds], "title": title, "description": description, "section": section, **rest}


def whole(title: str, description: str, section: str, low: int, high: int) -> Schema:
    """A whole number from `low` to `high`."""
    return schema_of("integer", title, description, section, minimum=low, maximum=high)


def number(title: str, description: str, section: str, **bounds: float) -> Schema:
    """A number within `bounds`."""
    return schema_of("number", title, description, section, **bounds)


def text(title: str, description: str, section: str, pattern: str, **rest: Any) -> Schema:
    """A text of this pattern, or empty."""
    return schema_of("string", title, description, section, pattern=f"^$|{pattern}", **rest)


def choice(title: str, description: str, section: str, *names: str) -> Schema:
    """A field with a list to choose from; null is the default."""
    return schema_of("string", title, description, section, enum=[None, *names], values_display={"null": "(default)"})


def texts(title: str, description: str, section: str, **items: Any) -> Schema:
    """A list of texts, one a line in the form."""
    return schema_of("array", title, description, section, items={"type": "string", **items})


def flag(title: str, description: str, section: str) -> Schema:
    """A switch."""
    return schema_of("boolean", title, description, section)


def object_field(title: str, description: str, section: str, **rest: Any) -> Schema:
    """A field that the form shows as JSON."""
    return schema_of("object", title, description, section, **rest)


SCALAR: Schema = {"type": ["string", "number", "boolean"]}
RESOURCES: Schema = {
    "properties": {
        "requests": {"type": ["null", "object"], "additionalProperties": {"type": ["string", "number"]}},
        "limits": {"type": ["null", "object"], "additionalProperties": {"type": ["string", "number"]}},
    },
    "additionalProperties": False,
}
