"""What the trigger form is prefilled with: the defaults that hold in this deployment, so that people see them.

Airflow sends every field of the form. So a prefilled field may stand beside `plugin_info`, or beside its own section as
JSON, when it says what would hold without it. Rule: standard library only; every parse of the DAG file pays for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path
from typing import Any

PRODUCT: Mapping[str, Any] = {
    "policy": "default",
    "min_replicas": 1,
    "max_replicas": 10,
    "check_interval": 5,
    "actuation_size": 1,
    "trigger_up": 0,
    "trigger_down": 0,
    "hold_when_nothing_queued": False,
    "workload_prioritized": False,
    "workload_open": False,
    "drain": True,
    "cluster": "kubernetes_default",
    "run_as_user": 65534,
    "termination_grace_period": 30,
    "backoff_limit": 6,
    "resources_lifetime": 0,
    "queue_authentication": True,
    "lease_seconds": 60,
    "max_attempts": 3,
    "retry_seconds": 1,
    "retry_max_seconds": 60,
    "stall_seconds": 1800,
}
"""The product's defaults by the flat names; a test keeps them equal to the model's.

`initial_replicas` is not here, as it follows `min_replicas`; nor are the actuator and the metric source, whose default
is the first that the deployment enables, nor `batch`, whose default is no number.
"""

_FILES = ("controller.cfg", "monitor.cfg")
_SECTION = "kubejobs"


def prefilled(config_dir: Path) -> dict[str, Any]:
    """The form's defaults by the flat names, with the deployment's files in `config_dir`.

    Where a file says something wrong, the form is left empty there; the run itself complains about the file.
    """
    values = dict(PRODUCT)
    for name in _FILES:
        values |= {key: _typed(text, values[key]) for key, text in _entries(config_dir / name) if key in PRODUCT}
    return values


def _entries(path: Path) -> list[tuple[str, str]]:
    parser = ConfigParser(interpolation=None, default_section="", empty_lines_in_values=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, Error):
        return []
    found = parser.items(_SECTION) if parser.has_section(_SECTION) else []
    return [(key, text.strip().strip("\"'")) for key, text in found]


def _typed(text: str, like: Any) -> Any:
    """The text as a value of the kind of `like`, or None."""
    if isinstance(like, str):
        return text
    try:
        value = json.loads(text.lower())
    except (ValueError, RecursionError):
        return None
    fits = isinstance(value, bool) == isinstance(like, bool) and isinstance(value, int | float)
    return value if fits else None


def without_prefilled(
    conf: Mapping[str, Any], standing: Mapping[str, Any], places: Mapping[str, tuple[Any, ...]]
) -> Mapping[str, Any]:
    """`conf` without the prefilled fields that would stand beside another way to say them.

    `standing` are the deployment's fields, nested; `places` says where a flat name belongs.
    """
    documents = bool(conf.get("plugin") or conf.get("plugin_info"))
    redundant = set()
    for name, product in PRODUCT.items():
        place = places.get(name, (name,))
        if name not in conf or not (documents or (len(place) > 1 and conf.get(str(place[0])))):
            continue
        value: Any = standing
        for part in place:
            value = value.get(part) if isinstance(value, Mapping) else None
        if _same(conf[name], product if value is None else value):
            redundant.add(name)
    return {key: value for key, value in conf.items() if key not in redundant} if redundant else conf


def _same(left: Any, right: Any) -> bool:
    """Equal, and of the same kind: true is no 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)
