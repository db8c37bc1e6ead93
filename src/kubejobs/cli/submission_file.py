"""Read a submission from a file or from standard input: JSON, or YAML where the name says so."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TextIO

import yaml

from kubejobs.errors import ConfigurationError

_YAML_ENDINGS = frozenset({".yaml", ".yml"})


def read_submission_file(name: str, stdin: TextIO | None = None) -> dict[str, Any]:
    """The JSON object in file `name` (`-`: standard input); ConfigurationError where there is none."""
    text = (stdin or sys.stdin).read() if name == "-" else _read(Path(name))
    try:
        value = yaml.safe_load(text) if Path(name).suffix in _YAML_ENDINGS else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{_shown(name)} can't be read as a submission: {error}") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{_shown(name)} holds {type(value).__name__}; a submission is an object with fields")
    return value


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"can't read the submission file {path}: {error}") from error


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name
