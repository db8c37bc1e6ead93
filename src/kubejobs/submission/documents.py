"""The documents' shape (`plugin`, `plugin_info`, `control_parameters`, …) → the product's own.

Rule: `username` and `password` are dropped before anything else looks; nothing here keeps, shows or logs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubejobs.submission.documents_table import DOCUMENT_FIELDS, DROPPED, GROUPS, DocumentField
from kubejobs.submission.expectation import known_keys
from kubejobs.submission.paths import Path, did_you_mean
from kubejobs.submission.plain import kind_of
from kubejobs.submission.shaped import FLAT_FIELDS, Shaped, is_given

_TOP = frozenset({"plugin", "plugin_info", "enable_auth"})
_PLUGIN = "kubejobs"
_BARE_MARKS = frozenset({"img", "cmd", "redis_workload", "init_size", "control_parameters", "monitor_info"})
_KINDS = {"text": str, "true or false": bool, "an object": dict}


def is_documents_shape(conf: Mapping[str, Any]) -> bool:
    """Whether `conf` is written as in the documents: with `plugin`, or plugin_info's content at the top."""
    if is_given(conf.get("plugin")) or conf.get("plugin_info"):
        return True
    product_only = {"image", "workload", "items"}
    return not any(is_given(conf.get(key)) for key in product_only) and any(is_given(conf.get(k)) for k in _BARE_MARKS)


def read_documents_shape(conf: Mapping[str, Any]) -> Shaped:
    """The fields of the documents' shape as the product's; problems are at the user's own paths."""
    shaped = Shaped(fields={"drain": False})  # these images speak the open contract, in which nothing can ask them
    given = {key: value for key, value in conf.items() if key not in DROPPED and is_given(value)}
    if "plugin" in given or "plugin_info" in given:
        root: Path = ("plugin_info",)
        info = given.get("plugin_info", {})
        _check_top(shaped, given)
    else:
        root, info = (), given
    shaped.origins.update({f.target: (*root, *f.path) for f in DOCUMENT_FIELDS if f.target is not None})
    found: dict[str, Any] = {}
    if isinstance(info, Mapping):
        _collect(shaped, {key: value for key, value in info.items() if key not in DROPPED}, root, "", found)
    else:
        shaped.complain(root, f"is {kind_of(info)}; it must be an object")
    _translate(shaped, found, root)
    return shaped


def _check_top(shaped: Shaped, given: Mapping[str, Any]) -> None:
    plugin = given.get("plugin")
    if plugin is not None and plugin != _PLUGIN:
        shaped.complain(("plugin",), f'is not a plugin of this product; the only one is "{_PLUGIN}"')
    if "plugin_info" not in given:
        shaped.complain(("plugin_info",), "is missing; it must be an object with img, redis_workload, …")
    for key in given.keys() - _TOP:
        if key in known_keys(()) or key in FLAT_FIELDS:
            message = "belongs to the product's own shape; write all fields in one shape: leave out this or plugin_info"
        elif key in GROUPS or any(f.path[0] == key for f in DOCUMENT_FIELDS):
            message = "belongs inside plugin_info"
        else:
            message = f"is not a field of a submission; {did_you_mean(key, _TOP)}"
        shaped.complain((key,), message)


def _collect(shaped: Shaped, group: Mapping[str, Any], root: Path, prefix: str, found: dict[str, Any]) -> None:
    """Gather the leaves of `group` by their dotted names; unknown keys and wrong groups are problems."""
    known = {f.path[-1] for f in DOCUMENT_FIELDS if ".".join(f.path[:-1]) == prefix}
    known |= {name.rpartition(".")[2] for name in GROUPS if name.rpartition(".")[0] == prefix}
    for key, value in group.items():
        name = f"{prefix}.{key}" if prefix else key
        path = (*root, *name.split(".")) if key in known else (*root, *(prefix.split(".") if prefix else ()), key)
        if key not in known:
            shaped.complain(path, f"is not a field of the documents' shape; {_hint(key, known)}")
        elif value is None:
            continue
        elif name not in GROUPS:
            found[name] = value
        elif isinstance(value, Mapping):
            _collect(shaped, value, root, name, found)
        else:
            shaped.complain(path, f"is {kind_of(value)}; it must be an object")


def _hint(key: str, known: set[str]) -> str:
    """Where a misplaced field belongs, or what it is called in this shape, or the nearest name."""
    for document_field in DOCUMENT_FIELDS:
        if key == document_field.path[-1]:
            return f"it belongs at {document_field.name}"
    for document_field in DOCUMENT_FIELDS:
        if document_field.target and key in {document_field.target[0], document_field.target[-1]}:
            return f"here it is called {document_field.name}"
    return did_you_mean(key, known)


def _translate(shaped: Shaped, found: dict[str, Any], root: Path) -> None:
    for document_field in DOCUMENT_FIELDS:
        if document_field.name in found:
            value = found[document_field.name]
            path = (*root, *document_field.path)
            complaint = _complaint(document_field, value)
            if complaint:
                shaped.complain(path, complaint)
            elif document_field.target is not None:
                shaped.put(document_field.target, _adapted(document_field.name, value), path)
    _limit_replicas(shaped, found.get("control_parameters.max_size"), root)
    _select_nodes(shaped, found.get("selectors"), root)
    _add_config_id(shaped, found.get("config_id"), root)
    _check_visualizer(shaped, found, root)


def _complaint(document_field: DocumentField, value: Any) -> str | None:
    """What is wrong with the value of a field that the model does not check."""
    kind = _KINDS.get(document_field.kind)
    if document_field.allowed:
        if value not in document_field.allowed:
            return f"is not known here; it must be {' or '.join(_quoted(name) for name in document_field.allowed)}"
    elif kind and not isinstance(value, kind) and document_field.target is None:
        return f"is {kind_of(value)}; it must be {document_field.kind}"
    return None


def _quoted(name: str) -> str:
    return f'"{name}"'


def _adapted(name: str, value: Any) -> Any:
    """Spellings that the original also takes: k8s-replicas, and a lifetime in quotes."""
    if name == "control_parameters.actuator" and isinstance(value, str):
        return value.replace("-", "_")
    if name == "job_resources_lifetime" and isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:12])
    return value


def _limit_replicas(shaped: Shaped, max_size: Any, root: Path) -> None:
    """The effective maximum is the smaller of max_size and max_rep."""
    if max_size is None:
        return
    path = (*root, "control_parameters", "max_size")
    if not isinstance(max_size, int) or isinstance(max_size, bool) or max_size < 1:
        shaped.complain(path, "does not fit; it must be a whole number of at least 1")
        return
    max_rep = shaped.fields.get("scaling", {}).get("max_replicas")
    if max_rep is None or (isinstance(max_rep, int) and max_size < max_rep):
        shaped.put(("scaling", "max_replicas"), max_size, path)


def _select_nodes(shaped: Shaped, selectors: Any, root: Path) -> None:
    """[{key, value}] → the labels of the nodes; keys in lower case, as the original does."""
    if selectors is None:
        return
    if not isinstance(selectors, list | tuple):
        shaped.complain((*root, "selectors"), f"is {kind_of(selectors)}; it must be a list of {{key, value}}")
        return
    labels: dict[str, Any] = {}
    for position, selector in enumerate(selectors):
        path = (*root, "selectors", position)
        if not isinstance(selector, Mapping) or set(selector) != {"key", "value"}:
            shaped.complain(path, 'does not fit; it must be an object such as {"key": "disktype", "value": "ssd"}')
        elif not isinstance(selector["key"], str):
            shaped.complain((*path, "key"), f"is {kind_of(selector['key'])}; it must be text")
        elif selector["key"].lower() in labels:
            shaped.complain((*path, "key"), "is given twice; a node has one value for a label")
        else:
            key = selector["key"].lower()
            labels[key] = selector["value"]
            shaped.origins["node_selector", key] = (*path, "value")
    shaped.fields["node_selector"] = labels


def _add_config_id(shaped: Shaped, config_id: Any, root: Path) -> None:
    """config_id reaches the workers as SCONE_CONFIG_ID."""
    if not is_given(config_id):
        return
    env = shaped.fields.get("env", {})
    path = (*root, "config_id")
    if not isinstance(config_id, str):
        shaped.complain(path, f"is {kind_of(config_id)}; it must be text")
    elif isinstance(env, Mapping) and env.get("SCONE_CONFIG_ID", config_id) != config_id:
        shaped.complain(path, "differs from SCONE_CONFIG_ID in env_vars; give one of the two")
    elif isinstance(env, Mapping):
        shaped.fields["env"] = {**env, "SCONE_CONFIG_ID": config_id}
        shaped.origins["env", "SCONE_CONFIG_ID"] = path


def _check_visualizer(shaped: Shaped, found: Mapping[str, Any], root: Path) -> None:
    if found.get("enable_visualizer") is not True:
        return
    for name in ("visualizer_plugin", "visualizer_info"):
        if name not in found:
            shaped.complain((*root, name), "is missing; enable_visualizer is true and needs it")
