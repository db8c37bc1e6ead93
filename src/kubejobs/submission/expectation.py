"""What a field of the model expects, in words: read from the model's JSON schema, so that it can't disagree with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from kubejobs.submission.model import Submission
from kubejobs.submission.paths import Path
from kubejobs.submission.patterns import PATTERNS_IN_WORDS

Schema = dict[str, Any]
_UNIONS = frozenset({"anyOf", "oneOf"})


@cache
def submission_schema() -> Schema:
    """The model's JSON schema."""
    return Submission.model_json_schema()


def field_schema(path: Path) -> Schema | None:
    """The schema of the field at `path`, references followed and null left out; None when there is no such field.

    Where several kinds of value are allowed, they are in its `oneOf`.
    """
    schema = resolve(submission_schema())
    for part in path:
        child = _child(schema, part)
        if child is None:
            return None
        schema = resolve(child)
    return schema


def resolve(schema: Schema) -> Schema:
    """The schema behind a reference, or the one beside null."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolve({**submission_schema()["$defs"][name], **{k: v for k, v in schema.items() if k != "$ref"}})
    for key in _UNIONS & schema.keys():
        choices = [choice for choice in schema[key] if choice.get("type") != "null"]
        rest = {name: value for name, value in schema.items() if name not in {key, "discriminator"}}
        if len(choices) == 1:
            return resolve({**rest, **choices[0]})
        return {**rest, "oneOf": [resolve(choice) for choice in choices]}
    return schema


def alternatives(schema: Schema) -> list[Schema]:
    """The kinds of value that a resolved schema allows: itself, or each of several."""
    choices: list[Schema] = schema.get("oneOf", [schema])
    return choices


def _child(schema: Schema, part: str | int) -> Schema | None:
    found = (_child_of_one(one, part) for one in alternatives(schema))
    return next((child for child in found if child is not None), None)


def _child_of_one(schema: Schema, part: str | int) -> Schema | None:
    if isinstance(part, int):
        items: Schema | None = schema.get("items")
        return items
    properties: Schema = schema.get("properties", {})
    if part in properties:
        child: Schema = properties[part]
        return child
    return free_values(schema)


def free_values(schema: Schema) -> Schema | None:
    """The schema of the values of an object whose keys are the user's own; None for any other."""
    for values in schema.get("patternProperties", {}).values():
        found: Schema = values
        return found
    return None


def known_keys(path: Path) -> list[str]:
    """The field names allowed at `path`."""
    return [key for one in alternatives(field_schema(path) or {}) for key in one.get("properties", {})]


def known_values(path: Path) -> tuple[str, ...]:
    """The only values allowed at `path`; empty when there is no such list."""
    schema = field_schema(path) or {}
    return tuple(schema.get("enum", ())) or ((schema["const"],) if "const" in schema else ())


def in_words(schema: Schema) -> str:
    """What the schema allows, for people: `a whole number from 1 to 10000`."""
    if "oneOf" in schema:
        return " or ".join(_choice_in_words(choice) for choice in schema["oneOf"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return "one of " + ", ".join(f'"{choice}"' for choice in schema["enum"] if choice is not None)
    words = _WORDS.get(schema.get("type", ""), _text_in_words)
    return words(schema)


def _choice_in_words(schema: Schema) -> str:
    keys = ", ".join(schema.get("properties", ()))
    return f"{in_words(schema)} with {keys}" if keys else in_words(schema)


def _list_in_words(schema: Schema) -> str:
    return f"a list, each entry {in_words(resolve(schema.get('items', {})))}"


def _object_in_words(schema: Schema) -> str:
    values = free_values(schema)
    return f"an object, each value {in_words(values)}" if values else "an object"


def _number_in_words(schema: Schema) -> str:
    noun = "a whole number" if schema["type"] == "integer" else "a number"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{noun} from {low:.15g} to {high:.15g}"
    bounds = []
    if "exclusiveMinimum" in schema:
        bounds.append(f"greater than {schema['exclusiveMinimum']:.15g}")
    if low is not None:
        bounds.append(f"of at least {low:.15g}")
    if high is not None:
        bounds.append(f"at most {high:.15g}")
    return f"{noun} {' and '.join(bounds)}" if bounds else noun


def _text_in_words(schema: Schema) -> str:
    words = PATTERNS_IN_WORDS.get(schema.get("pattern", ""), "text")
    return f"{words}, at most {schema['maxLength']} characters" if "maxLength" in schema else words


_WORDS: dict[str, Callable[[Schema], str]] = {
    "boolean": lambda _: "true or false",
    "integer": _number_in_words,
    "number": _number_in_words,
    "array": _list_in_words,
    "object": _object_in_words,
}
