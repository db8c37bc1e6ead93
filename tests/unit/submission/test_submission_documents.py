"""The documents' shape: verbatim, bare, and what is wrong in it."""

from __future__ import annotations

from typing import Any

import pytest

from kubejobs.errors import SubmissionError
from kubejobs.submission.documents_table import DOCUMENT_FIELDS
from kubejobs.submission.expectation import field_schema
from kubejobs.submission.parse import parse_submission
from support.submissions import DOCUMENTS, PASSWORD, USERNAME

SECRETS = (USERNAME, PASSWORD)


def changed(conf: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """`conf` with the dotted field of plugin_info set, or taken out when the value is `...`."""
    *groups, last = name.split(".")
    place = conf["plugin_info"]
    for group in groups:
        place = place.setdefault(group, {})
    if value is ...:
        place.pop(last, None)
    else:
        place[last] = value
    return conf


def problems_of(conf: Any) -> dict[str, str]:
    """The problems of a submission that must have some, by field; never with a secret in them."""
    with pytest.raises(SubmissionError) as caught:
        parse_submission(conf)
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_the_documents_body_is_read(documents: dict[str, Any]) -> None:
    """The documents' own JSON means what they say it means."""
    submission = parse_submission(documents)
    assert (submission.image, submission.command) == ("img", ("python", "worker.py"))
    assert submission.workload.url == "workload"
    assert submission.expected_time == 40
    assert submission.scaling.initial_replicas == 1
    assert submission.scaling.check_interval == 5
    assert submission.env == {"LOG_LEVEL": "info", "SCONE_CONFIG_ID": "id"}


def test_username_and_password_are_dropped(documents: dict[str, Any]) -> None:
    """Neither reaches the submission, wherever they stand, and neither is required."""
    documents |= {"username": SECRETS[0], "password": SECRETS[1]}
    with_them = parse_submission(documents)
    assert not any(secret in repr(with_them) + with_them.model_dump_json() for secret in SECRETS)
    for place in (documents, documents["plugin_info"]):
        del place["username"], place["password"]
    assert parse_submission(documents) == with_them


def test_plugin_infos_content_alone_is_read(documents: dict[str, Any]) -> None:
    """Without `plugin`, the content of plugin_info at the top means the same."""
    assert parse_submission(documents["plugin_info"]) == parse_submission(documents)
    bare = documents["plugin_info"] | {"init_size": 0}
    assert set(problems_of(bare)) == {"init_size"}


def test_nulls_are_not_given(documents: dict[str, Any]) -> None:
    """A null anywhere means that the field is not given."""
    changed(documents, "config_id", None)
    changed(documents, "control_parameters.heuristic_options", None)
    changed(documents, "selectors", None)
    assert parse_submission(documents).env == {"LOG_LEVEL": "info"}


MAXIMA = {
    "smaller max_size": (9, 10, 9),
    "smaller max_rep": (12, 10, 10),
    "only max_size": (7, ..., 7),
    "only max_rep": (..., 6, 6),
}


@pytest.mark.parametrize(("max_size", "max_rep", "expected"), MAXIMA.values(), ids=MAXIMA)
def test_the_smaller_maximum_counts(documents: dict[str, Any], max_size: Any, max_rep: Any, expected: int) -> None:
    """max_size and max_rep both bound the workers."""
    changed(documents, "control_parameters.max_size", max_size)
    changed(documents, "control_parameters.max_rep", max_rep)
    assert parse_submission(documents).scaling.max_replicas == expected


def test_everything_that_the_original_takes_beside_the_documents_is_read(documents: dict[str, Any]) -> None:
    """Cluster, namespace, grace, selectors, resources, secrets, lifetime and heuristic options have their effect."""
    documents["plugin_info"] |= {
        "cluster_name": "lab",
        "namespace": "batch",
        "termination_grace_period_seconds": 7,
        "selectors": [{"key": "DiskType", "value": "ssd"}],
        "k8s_resources_control": {"limits": {"cpu": 1}, "requests": {"cpu": "500m"}},
        "secrets": ["registry"],
        "job_resources_lifetime": "60",
        "enable_detailed_report": True,
    }
    gains = {"proportional_gain": 1, "derivative_gain": 0, "integral_gain": 0.5}
    documents["plugin_info"]["control_parameters"] |= {"schedule_strategy": "pid", "heuristic_options": gains}
    submission = parse_submission(documents)
    assert (submission.cluster, submission.namespace) == ("lab", "batch")
    assert submission.termination_grace_period == 7
    assert submission.node_selector == {"disktype": "ssd"}
    assert submission.resources.limits == {"cpu": "1"}
    assert submission.image_pull_secrets == ("registry",)
    assert submission.resources_lifetime == 60
    assert (submission.scaling.policy, submission.scaling.integral_gain) == ("pid", 0.5)


def test_a_dashed_actuator_is_the_same(documents: dict[str, Any]) -> None:
    """The documents call the actuator k8s-replicas in their text and k8s_replicas in their JSON."""
    changed(documents, "control_parameters.actuator", "k8s-replicas")
    assert parse_submission(documents).scaling.actuator == "k8s_replicas"


WRONG: dict[str, tuple[str, Any, str, str]] = {
    "no image": ("img", ..., "img", "is missing"),
    "no workload": ("redis_workload", ..., "redis_workload", "is missing"),
    "no time": ("monitor_info", {}, "monitor_info.expected_time", "is missing"),
    "time as text": ("monitor_info.expected_time", "40", "monitor_info.expected_time", "greater than 0"),
    "command as text": ("cmd", "python x", "cmd", "it must be a list"),
    "number in command": ("cmd", ["sleep", 1], "cmd[1]", "it must be text"),
    "no workers": ("init_size", 0, "init_size", "from 1 to"),
    "minimum 0": ("control_parameters.min_rep", 0, "control_parameters.min_rep", "from 1 to"),
    "minimum over max_size": (
        "control_parameters.min_rep",
        10,
        "control_parameters.min_rep",
        "more than plugin_info.control_parameters.max_size (9)",
    ),
    "max_size true": ("control_parameters.max_size", True, "control_parameters.max_size", "a whole number"),
    "trigger as text": ("control_parameters.trigger_up", "0.1", "control_parameters.trigger_up", "a number"),
    "unknown strategy": (
        "control_parameters.schedule_strategy",
        "magic",
        "control_parameters.schedule_strategy",
        'one of "default", "pid"',
    ),
    "unknown actuator": ("control_parameters.actuator", "kvm", "control_parameters.actuator", '"k8s_replicas", "nop"'),
    "unknown metric source": (
        "control_parameters.metric_source",
        "monasca",
        "control_parameters.metric_source",
        "redis",
    ),
    "unknown control plugin": ("control_plugin", "kvm", "control_plugin", '"kubejobs"'),
    "unknown monitor plugin": ("monitor_plugin", ["x"], "monitor_plugin", '"kubejobs"'),
    "unknown visualizer": ("visualizer_plugin", "kibana", "visualizer_plugin", '"k8s-grafana"'),
    "visualizer without plugin": ("visualizer_plugin", ..., "visualizer_plugin", "is missing"),
    "visualizer as text": ("enable_visualizer", "true", "enable_visualizer", "true or false"),
    "visualizer info as list": ("visualizer_info", [1], "visualizer_info", "an object"),
    "group as list": ("control_parameters", [], "control_parameters", "is a list; it must be an object"),
    "misspelt": ("redis_worklod", "x", "redis_worklod", "did you mean redis_workload?"),
    "misplaced": ("trigger_up", 1, "trigger_up", "it belongs at control_parameters.trigger_up"),
    "product's name": ("image", "x", "image", "here it is called img"),
    "reserved variable": ("env_vars.REDIS_HOST", "x", "env_vars.REDIS_HOST", "is set by the product"),
    "environment as list": ("env_vars", ["A=1"], "env_vars", "it must be an object"),
    "selectors as object": ("selectors", {"a": "b"}, "selectors", "a list of {key, value}"),
    "selector without value": ("selectors", [{"key": "a"}], "selectors[0]", "must be an object such as"),
    "selector twice": (
        "selectors",
        [{"key": "a", "value": "1"}, {"key": "A", "value": "2"}],
        "selectors[1].key",
        "is given twice",
    ),
    "bad selector value": (
        "selectors",
        [{"key": "a", "value": "b c"}],
        "selectors[0].value",
        "a Kubernetes label value",
    ),
    "lifetime as word": ("job_resources_lifetime", "long", "job_resources_lifetime", "a whole number"),
    "config id as number": ("config_id", 3, "config_id", "it must be text"),
    "config id twice": ("env_vars.SCONE_CONFIG_ID", "other", "config_id", "differs from SCONE_CONFIG_ID"),
}


@pytest.mark.parametrize(("name", "value", "field", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_named_as_the_user_wrote_it(
    documents: dict[str, Any], name: str, value: Any, field: str, words: str
) -> None:
    """Problems have the documents' own paths and say what would be right."""
    found = problems_of(changed(documents, name, value))
    assert list(found) == [f"plugin_info.{field}"] or field == "control_parameters"
    assert words in found[f"plugin_info.{field}"]


def test_pid_needs_its_three_gains(documents: dict[str, Any]) -> None:
    """As in the original, pid without heuristic options is refused."""
    changed(documents, "control_parameters.schedule_strategy", "pid")
    options = "plugin_info.control_parameters.heuristic_options"
    gains = {"proportional_gain", "derivative_gain", "integral_gain"}
    assert set(problems_of(documents)) == {f"{options}.{gain}" for gain in gains}


BAD_TOPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown plugin": ({"plugin": "spark"}, "plugin", '"kubejobs"'),
    "plugin as list": ({"plugin": ["kubejobs"]}, "plugin", '"kubejobs"'),
    "no plugin_info": ({"plugin_info": None}, "plugin_info", "is missing"),
    "plugin_info as text": ({"plugin_info": PASSWORD}, "plugin_info", "is text; it must be an object"),
    "both shapes": ({"image": "x"}, "image", "belongs to the product's own shape"),
    "outside plugin_info": ({"img": "x"}, "img", "belongs inside plugin_info"),
    "unknown": ({"plugins": "x"}, "plugins", "did you mean plugin?"),
}


@pytest.mark.parametrize(("change", "field", "words"), BAD_TOPS.values(), ids=BAD_TOPS)
def test_the_top_level_is_checked(documents: dict[str, Any], change: dict[str, Any], field: str, words: str) -> None:
    """What stands beside plugin_info is reported too."""
    assert words in problems_of(documents | change)[field]


def test_the_table_points_at_fields_of_the_model() -> None:
    """Every target in the table of the documents' shape exists."""
    targets = [document_field.target for document_field in DOCUMENT_FIELDS if document_field.target]
    assert targets
    assert all(field_schema(target) for target in targets)


def test_images_of_the_documents_are_not_drained() -> None:
    """They know the open contract, in which nothing can ask them to finish; the product's own shape drains."""
    assert parse_submission(DOCUMENTS).drain is False
    assert parse_submission({"image": "i", "items": ["a"], "expected_time": 1}).drain is True
