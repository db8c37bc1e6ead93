"""What a deployment enables and fills in, from `controller.cfg` and `monitor.cfg` in the documents' format.

Rule: a password in these files is never read. A missing file or key means the product's own default; a wrong one is a
ConfigurationError that names the file, the section and the key.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from configparser import ConfigParser, Error, MissingSectionHeaderError, ParsingError
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from kubejobs.errors import ConfigurationError
from kubejobs.submission.expectation import Schema, alternatives, field_schema, known_keys
from kubejobs.submission.paths import Path, did_you_mean
from kubejobs.submission.shaped import FLAT_FIELDS
from kubejobs.submission.validate import validate

CONTROLLER_FILE = "controller.cfg"
MONITOR_FILE = "monitor.cfg"
_ACTUATORS = ("k8s_replicas", "nop")
_METRIC_SOURCES = {"redis": "redis", "metric_source": "redis"}  # the documents' example calls the built-in one that
_MONITORS = ("kubejobs",)
_SECTION = "kubejobs"
_SECTIONS = ("general", "metric_source", "k8s_replicas", _SECTION)
_MOST_DIGITS = 6
_SETTABLE_TYPES = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Defaults:
    """What this deployment allows a submission to name, and what it fills in where a submission says nothing.

    `fields` are in the product's nested shape. `kubeconfig` is the file of [k8s_replicas] k8s_manifest, used where the
    cluster's Airflow connection names none. `monitor_retries` and `debug` are monitor.cfg's retries and debug.
    """

    actuators: tuple[str, ...] = _ACTUATORS
    metric_sources: tuple[str, ...] = ("redis",)
    fields: Mapping[str, Any] = field(default_factory=dict)
    kubeconfig: str | None = None
    monitor_retries: int = 5
    debug: bool = False

    def complete(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """`fields` with this deployment's where they say nothing; what is given wins."""
        standing: dict[str, Any] = {name: dict(v) if isinstance(v, dict) else v for name, v in self.fields.items()}
        scaling = fields.get("scaling")
        if isinstance(scaling, dict):
            standing["scaling"] = _within(standing.get("scaling", {}), scaling)
        if self.actuators != _ACTUATORS:
            standing.setdefault("scaling", {}).setdefault("actuator", self.actuators[0])
        for name, value in fields.items():
            mine = standing.get(name)
            standing[name] = {**mine, **value} if isinstance(mine, dict) and isinstance(value, dict) else value
        return standing


def _within(standing: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The standing replicas moved into the range that the submission gives."""
    low, high = given.get("min_replicas"), given.get("max_replicas")
    bounded = dict(standing)
    for name in ("initial_replicas", "min_replicas"):
        if name in bounded and isinstance(high, int):
            bounded[name] = min(bounded[name], high)
    for name in ("initial_replicas", "max_replicas"):
        if name in bounded and isinstance(low, int):
            bounded[name] = max(bounded[name], low)
    return bounded


def read_defaults(config_dir: FilePath) -> Defaults:
    """The defaults that controller.cfg and monitor.cfg in `config_dir` set; a missing file sets none."""
    controller = _File(config_dir / CONTROLLER_FILE)
    monitor = _File(config_dir / MONITOR_FILE)
    for file in (controller, monitor):
        file.whole_number("general", "port", 0)
    monitor.names("general", "plugins", _MONITORS, _MONITORS)
    fields = controller.submission_fields()
    for section, values in monitor.submission_fields().items():
        fields[section] = {**fields.get(section, {}), **values} if isinstance(values, dict) else values
    sources = controller.names("general", "metric_source_plugins", tuple(_METRIC_SOURCES), ("redis",))
    return Defaults(
        actuators=controller.names("general", "actuator_plugins", _ACTUATORS, _ACTUATORS),
        metric_sources=tuple(dict.fromkeys(_METRIC_SOURCES[name] for name in sources)),
        fields=fields,
        kubeconfig=controller.text("k8s_replicas", "k8s_manifest") or None,
        monitor_retries=monitor.whole_number("general", "retries", 5),
        debug=monitor.truth("general", "debug"),
    )


class _File:
    """One configuration file; every complaint names it."""

    def __init__(self, path: FilePath) -> None:
        self.path = path
        self.parser = ConfigParser(interpolation=None, default_section="", empty_lines_in_values=False)
        try:
            self.parser.read_string(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{path} can't be read: {type(error).__name__}; it must be a UTF-8 file"
            ) from error
        except Error as error:  # its text quotes the line, which may hold a password
            raise ConfigurationError(f"{path}{_line_of(error)}: {_cause(error)}") from None
        self._check_sections()

    def _check_sections(self) -> None:
        """Refuse what looks like a misspelt section; other sections may belong to other programs."""
        for section in self.parser.sections():
            near = difflib.get_close_matches(section, _SECTIONS, n=1, cutoff=0.8)
            if near and section not in _SECTIONS:
                raise ConfigurationError(
                    f"{self.path}: [{section}] is no section of this file; did you mean [{near[0]}]?"
                )

    def complaint(self, section: str, key: str, message: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}: [{section}] {key} {message}")

    def text(self, section: str, key: str) -> str:
        return self.parser.get(section, key, fallback="").strip().strip("\"'")

    def names(self, section: str, key: str, known: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        """The comma-separated names at the key, dashes read as underscores; unknown ones are refused."""
        text = self.text(section, key).replace("-", "_")
        found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        for name in found:
            if name not in known:
                raise self.complaint(section, key, f"names {name!r}; known here: {', '.join(known)}")
        return found or default

    def whole_number(self, section: str, key: str, default: int) -> int:
        text = self.text(section, key)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise self.complaint(section, key, f"is {text[:40]!r}; it must be a whole number of at least 0")
        return int(text)

    def truth(self, section: str, key: str) -> bool:
        text = self.text(section, key).lower()
        if text not in {"", *ConfigParser.BOOLEAN_STATES}:
            raise self.complaint(section, key, f"is {text[:40]!r}; it must be true or false")
        return ConfigParser.BOOLEAN_STATES.get(text, False)

    def submission_fields(self) -> dict[str, Any]:
        """The defaults of section [kubejobs] as nested fields, each checked as a submission's would be."""
        fields: dict[str, Any] = {}
        keys: dict[Path, str] = {}
        for key in self.parser[_SECTION] if self.parser.has_section(_SECTION) else ():
            path = self._target(key)
            keys[path] = key
            value = _typed(self.text(_SECTION, key), _kinds(field_schema(path) or {}))
            place = fields
            for part in path[:-1]:
                place = place.setdefault(str(part), {})
            place[str(path[-1])] = value
        self._check(fields, keys)
        return fields

    def _target(self, key: str) -> Path:
        path = FLAT_FIELDS.get(key, (key,))
        settable = {name for name in (*known_keys(()), *FLAT_FIELDS) if _is_settable(name)}
        if not _is_settable(key):
            raise self.complaint(_SECTION, key, f"is no field with a default; {did_you_mean(key, settable)}")
        return path

    def _check(self, fields: dict[str, Any], keys: Mapping[Path, str]) -> None:
        needed = {"image": "image", "workload": {"items": ["item"]}, "expected_time": 1}
        for issue in validate({**needed, **fields})[1]:
            if issue.path in keys:
                others = (keys.get(other, str(other[-1])) for other in issue.others)
                message = issue.message.format(*others) if issue.others else issue.message
                raise self.complaint(_SECTION, keys[issue.path], message)


def _kinds(schema: Schema) -> set[str]:
    return {str(one.get("type")) for one in alternatives(schema)}


def _is_settable(name: str) -> bool:
    return _kinds(field_schema(FLAT_FIELDS.get(name, (name,))) or {}) <= _SETTABLE_TYPES


def _typed(text: str, kinds: set[str]) -> Any:
    """The text as JSON where the field is not just text; what can't be stays text, for the check to refuse."""
    if kinds == {"string"}:
        return text
    try:
        return json.loads(text.lower())
    except (ValueError, RecursionError):
        return text


def _line_of(error: Error) -> str:
    line = getattr(error, "lineno", None)
    if isinstance(error, ParsingError) and not line:
        line = error.errors[0][0] if error.errors else None
    return f", line {line}" if line else ""


def _cause(error: Error) -> str:
    if isinstance(error, MissingSectionHeaderError):
        return "the first line must be a section such as [general]"
    return {
        "DuplicateSectionError": "a section is there twice",
        "DuplicateOptionError": "a key is there twice in its section",
    }.get(type(error).__name__, "is not in the form `key = value`")
