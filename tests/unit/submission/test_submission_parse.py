"""parse_submission: the accepted shapes, the rules between fields, the words of a problem."""

from __future__ import annotations

from typing import Any

import pytest

from kubejobs.control.plan import Plan
from kubejobs.errors import SubmissionError
from kubejobs.naming import RunIdentity
from kubejobs.submission.defaults import Defaults
from kubejobs.submission.field_types import PrioritizedItem
from kubejobs.submission.model import Runner, Submission
from kubejobs.submission.parse import location_of_cleanup, parse_submission


def problems_of(conf: Any, defaults: Defaults | None = None) -> dict[str, str]:
    """The problems of a submission that must have some, by field."""
    with pytest.raises(SubmissionError) as caught:
        parse_submission(conf, defaults)
    return {problem.field: problem.message for problem in caught.value.problems}


def merged(conf: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`conf` with the fields of `change`, one level deep."""
    both = dict(conf)
    for key, value in change.items():
        both[key] = {**conf[key], **value} if isinstance(value, dict) and isinstance(conf.get(key), dict) else value
    return both


def test_nested_product_shape_is_read(product: dict[str, Any]) -> None:
    """Every given field reaches the submission, and the others have their defaults."""
    submission = parse_submission(product)
    assert submission.workload.url == "https://example.com/items.txt"
    assert submission.scaling.max_replicas == 10
    assert submission.queue.lease_seconds == 30
    assert submission.resources.requests == {"cpu": "500m"}
    assert submission.backoff_limit == 6


def test_flat_and_nested_fields_mean_the_same(product: dict[str, Any]) -> None:
    """Airflow's flat form gives the same submission as nested JSON."""
    flat = {key: value for key, value in product.items() if key not in {"scaling", "queue", "workload"}}
    flat |= product["scaling"] | product["queue"] | {"workload": product["workload"]["url"]}
    assert parse_submission(flat) == parse_submission(product)


def test_unfilled_form_fields_are_not_given(product: dict[str, Any]) -> None:
    """Null and empty text, as an Airflow form sends them, mean the default."""
    form = product | {
        "plugin": None,
        "plugin_info": None,
        "items": None,
        "namespace": "",
        "policy": "",
        "report_url": "",
    }
    form["scaling"] = product["scaling"] | {"actuator": "", "trigger_up": None}
    del form["scaling"]["policy"]
    assert parse_submission(form) == parse_submission(product)


def test_initial_replicas_follow_the_minimum() -> None:
    """A submission that says only the minimum starts with that many."""
    conf = {"image": "i", "items": ["a"], "expected_time": 1, "min_replicas": 4}
    assert parse_submission(conf).scaling.initial_replicas == 4


def test_default_requests_stay_within_given_limits() -> None:
    """A limit below the default request lowers it, as Kubernetes would refuse the pod otherwise."""
    conf = {"image": "i", "items": ["a"], "expected_time": 1, "resources": {"limits": {"cpu": "50m"}}}
    assert parse_submission(conf).resources.requests == {"cpu": "50m", "memory": "128Mi"}


def test_the_longest_delay_follows_the_first() -> None:
    """A first delay beyond the default of the longest raises that, as no delay is longer than the longest."""
    conf = {"image": "i", "items": ["a"], "expected_time": 1, "retry_seconds": 90}
    assert parse_submission(conf).queue.retry_max_seconds == 90


def test_many_bad_items_are_counted() -> None:
    """Ten are named; the rest is one problem."""
    found = problems_of({"image": "i", "expected_time": 1, "workload": {"items": ["x"] * 15, "prioritized": True}})
    assert list(found) == [*(f"workload.items[{place}]" for place in range(10)), "workload.items"]
    assert found["workload.items"] == "5 more items have such problems"


def test_everything_of_a_queue_and_a_runner_is_read() -> None:
    """Nested fields and their flat names reach the submission."""
    nested = {
        "workload": {"items": [{"item": "a", "priority": 7}, "b"], "open": True},
        "queue": {"retry_seconds": 2, "retry_max_seconds": 9, "batch": 50},
        "limits": {"max_failed_items": 3, "max_failed_ratio": 0.5},
        "scaling": {"drain_seconds": 20},
    }
    flat = {
        "workload": None,
        "items": nested["workload"]["items"],
        "workload_open": True,
        **nested["queue"],
        **nested["limits"],
        **nested["scaling"],
    }
    runner = {"mode": "lines", "concurrency": 4, "timeout_seconds": 3, "keep_result": True, "on_sigterm": "pass"}
    common = {"image": "i", "command": ["c"], "expected_time": 1, "drain": False, "runner": runner}
    submission = parse_submission(common | nested)
    assert submission == parse_submission(common | flat)
    assert submission.workload.items == (PrioritizedItem(item="a", priority=7), "b")
    assert (submission.workload.open, submission.drain, submission.queue.batch) == (True, False, 50)
    assert (submission.limits.max_failed_items, submission.limits.max_failed_ratio) == (3, 0.5)
    assert submission.runner == Runner.model_validate(runner)


def test_numbers_become_text_where_a_container_gets_text(product: dict[str, Any]) -> None:
    """Environment, quantities and labels take the numbers and truth values that YAML authors write."""
    product |= {"env": {"A": 1, "B": 1.5, "C": True, "D": ""}, "node_selector": {"gpu": True}}
    product["resources"] = {"requests": {"cpu": 1}}
    submission = parse_submission(product)
    assert submission.env == {"A": "1", "B": "1.5", "C": "true", "D": ""}
    assert submission.node_selector == {"gpu": "true"}
    assert submission.resources.requests == {"cpu": "1"}


def test_a_plan_keeps_what_was_parsed(product: dict[str, Any]) -> None:
    """What parsing accepts, the queue's plan can store and read again."""
    product |= {"runner": {"concurrency": 2}, "workload": {"items": ["a", {"item": "b", "priority": 2}]}}
    submission = parse_submission(product)
    plan = Plan(RunIdentity("d", "r"), submission, "default", 3, 1.0, 2.0)
    kept = Plan.from_json(plan.to_json()).submission
    assert (kept.scaling, kept.queue, kept.runner) == (submission.scaling, submission.queue, submission.runner)


WRONG_FIELDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "missing image": ({"image": None}, "image", "is missing"),
    "image with a blank": ({"image": "a b"}, "image", "text without blanks"),
    "no time": ({"expected_time": None}, "expected_time", "is missing"),
    "time in quotes": ({"expected_time": "40"}, "expected_time", 'is "40"; it must be a number greater than 0'),
    "time true": ({"expected_time": True}, "expected_time", "is true"),
    "time zero": ({"expected_time": 0}, "expected_time", "greater than 0"),
    "time over a year": ({"expected_time": 1e9}, "expected_time", "at most 31536000"),
    "unknown field": ({"imge": "x"}, "imge", "did you mean image?"),
    "unknown nested field": ({"scaling": {"polcy": "pid"}}, "scaling.polcy", "did you mean policy?"),
    "unknown policy": ({"scaling": {"policy": "magic"}}, "scaling.policy", 'one of "default", "pid"'),
    "half a replica": ({"scaling": {"max_replicas": 1.5}}, "scaling.max_replicas", "a whole number from 1 to 10000"),
    "true replicas": ({"scaling": {"max_replicas": True}}, "scaling.max_replicas", "is true"),
    "section as list": ({"scaling": []}, "scaling", "is a list; it must be an object"),
    "command as text": ({"command": "python x"}, "command", "is text that does not fit; it must be a list"),
    "number in command": ({"command": ["sleep", 5]}, "command[1]", "it must be text"),
    "minimum over maximum": (
        {"scaling": {"min_replicas": 11}},
        "scaling.min_replicas",
        "is 11, more than scaling.max_replicas (10)",
    ),
    "start over maximum": ({"scaling": {"initial_replicas": 11}}, "scaling.initial_replicas", "more than"),
    "start under minimum": (
        {"scaling": {"initial_replicas": 1, "min_replicas": 2}},
        "scaling.initial_replicas",
        "less than scaling.min_replicas (2)",
    ),
    "pid without gains": ({"scaling": {"policy": "pid"}}, "scaling.integral_gain", "the policy pid needs it"),
    "flat beside nested": ({"max_replicas": 3}, "max_replicas", "is given beside scaling.max_replicas"),
    "two workloads": ({"items": ["a"]}, "items", "is given beside workload.url"),
    "no workload": ({"workload": {"url": ""}}, "workload.url", "is missing"),
    "empty items": ({"workload": None, "items": []}, "items", "at least one item"),
    "blank item": ({"workload": None, "items": ["a", " "]}, "items[1]", "is empty or holds a line break"),
    "item of two lines": ({"workload": None, "items": ["a\nb"]}, "items[0]", "is empty or holds a line break"),
    "number as item": ({"workload": None, "items": [1]}, "items[0]", "it must be text"),
    "number as an object's item": ({"workload": None, "items": [{"item": 1}]}, "items[0].item", "it must be text"),
    "blank item of an object": ({"workload": None, "items": [{"item": " "}]}, "items[0].item", "is empty or holds"),
    "item without itself": ({"workload": None, "items": [{"priority": 1}]}, "items[0].item", "is missing"),
    "priority of ten": (
        {"workload": None, "items": [{"item": "a", "priority": 10}]},
        "items[0].priority",
        "is a number; it must be a whole number from 0 to 9",
    ),
    "unknown in an item": ({"workload": None, "items": [{"item": "a", "x": 1}]}, "items[0].x", "item, priority"),
    "list as item": ({"workload": None, "items": [[]]}, "items[0]", "text or an object with item, priority"),
    "line without a priority": (
        {"workload": {"url": None, "items": ["1\ta", "a"], "prioritized": True}},
        "workload.items[1]",
        "is not a priority from 0 to 9, a tab and the item, as workload.prioritized says",
    ),
    "batch of none": (
        {"queue": {"batch": 0}},
        "queue.batch",
        'is 0; it must be a whole number from 1 to 1000 or "auto"',
    ),
    "batch in words": ({"queue": {"batch": "many"}}, "queue.batch", 'is "many"; it must be a whole number'),
    "true batch": ({"queue": {"batch": True}}, "queue.batch", "is true"),
    "longest delay under the first": (
        {"queue": {"retry_seconds": 5, "retry_max_seconds": 2}},
        "queue.retry_max_seconds",
        "is 2, less than queue.retry_seconds (5); it must be at least that",
    ),
    "runner without command": ({"command": None, "runner": {}}, "command", "is missing; runner needs the program"),
    "exit codes of many items": (
        {"runner": {"mode": "lines", "fail_codes": [3]}},
        "runner.fail_codes",
        'has no effect where runner.mode is "lines"',
    ),
    "exit code beyond a byte": ({"runner": {"fail_codes": [256]}}, "runner.fail_codes[0]", "from 1 to 255"),
    "unknown mode": ({"runner": {"mode": "magic"}}, "runner.mode", 'one of "item", "lines"'),
    "ratio over one": ({"limits": {"max_failed_ratio": 10}}, "limits.max_failed_ratio", "a number from 0 to 1"),
    "too many items": ({"workload": None, "items": ["x"] * 10_001}, "items", "use workload.url"),
    "reserved variable": ({"env": {"REDIS_HOST": "x"}}, "env.REDIS_HOST", "is set by the product"),
    "reserved prefix": ({"env": {"KUBEJOBS_X": "x"}}, "env.KUBEJOBS_X", "is set by the product"),
    "bad variable name": ({"env": {"1 a": "x"}}, "env.1 a", "a variable name"),
    "null in env": ({"env": {"A": None}}, "env.A", "is null; it must be text"),
    "bad quantity": ({"resources": {"limits": {"cpu": "lots"}}}, "resources.limits.cpu", "a Kubernetes quantity"),
    "unknown resource": ({"resources": {"limits": {"gpu": 1}}}, "resources.limits.gpu", "cpu, memory"),
    "request over limit": (
        {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}},
        "resources.requests.cpu",
        "more than resources.limits.cpu (1500m)",
    ),
    "namespace in capitals": ({"namespace": "Batch"}, "namespace", "a Kubernetes name"),
    "NaN": ({"expected_time": float("nan")}, "expected_time", "not a finite number"),
    "huge number": ({"expected_time": 10**5000}, "expected_time", "beyond 64 bits"),
    "NUL": ({"image": "a\x00"}, "image", "NUL"),
    "lone surrogate": ({"image": "\ud800"}, "image", "surrogate"),
    "a Python object": ({"image": object()}, "image", "which JSON does not have"),
    "documents' name": ({"img": "x"}, "img", "did you mean image?"),
}


@pytest.mark.parametrize(("change", "field", "words"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_a_wrong_field_is_named_with_what_would_be_right(
    product: dict[str, Any], change: dict[str, Any], field: str, words: str
) -> None:
    """Each wrong field is reported at its own path, and nothing else is."""
    found = problems_of(merged(product, change))
    assert words in found[field]
    expected = {f for f in found if not f.startswith("scaling.") or not f.endswith("_gain")}
    assert expected <= {field}


def test_every_problem_is_reported_at_once(product: dict[str, Any]) -> None:
    """Problems of the shape, of single fields and between fields come together."""
    product |= {"image": 3, "colour": "red", "env": {"REDIS_PORT": "1"}, "scaling": {"min_replicas": 50}}
    assert set(problems_of(product)) == {"image", "colour", "env.REDIS_PORT", "scaling.min_replicas"}


def test_secrets_are_never_repeated(product: dict[str, Any]) -> None:
    """Neither the environment, nor a command, nor a signed URL shows up in a problem."""
    secret = "s3cr3t-5d1"
    product |= {
        "env": {"REDIS_HOST": secret, "B": [secret]},
        "command": [[secret]],
        "args": secret,
        "workload": {"url": f"https://h/?sig={secret}\n"},
        f"unknown-{secret[:2]}": secret,
    }
    with pytest.raises(SubmissionError) as caught:
        parse_submission(product)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "conf", [None, [], "text", 3, True, {}], ids=["null", "list", "text", "number", "true", "empty"]
)
def test_what_is_no_submission_at_all_is_a_submission_error(conf: Any) -> None:
    """Anything else than an object, or an empty one, is refused by field."""
    assert problems_of(conf)


def test_depth_and_size_have_limits(product: dict[str, Any]) -> None:
    """Deep nesting and a conf over the limit are refused before anything looks inside."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested" in next(iter(problems_of(product | {"args": deep}).values()))
    assert "give its URL" in problems_of(product | {"args": ["x" * 1_000_000]})["submission"]
    with pytest.raises(SubmissionError, match="larger than 100 bytes"):
        parse_submission(product, max_bytes=100)


def test_defaults_fill_in_and_yield(product: dict[str, Any]) -> None:
    """A deployment's defaults stand where the submission says nothing, also when they clash with what it says."""
    defaults = Defaults(fields={"scaling": {"initial_replicas": 8, "check_interval": 7.0}, "namespace": "batch"})
    product["scaling"] = {"max_replicas": 4}
    submission = parse_submission(product, defaults)
    assert submission.scaling.initial_replicas == 4
    assert submission.scaling.check_interval == 7
    assert submission.namespace == "batch"
    assert parse_submission(product | {"namespace": "mine"}, defaults).namespace == "mine"


def test_only_enabled_actuators_may_be_named(product: dict[str, Any]) -> None:
    """An actuator that the deployment does not enable is refused, and its first one is the default."""
    only_nop = Defaults(actuators=("nop",))
    assert (
        "it must be nop"
        in problems_of(merged(product, {"scaling": {"actuator": "k8s_replicas"}}), only_nop)["scaling.actuator"]
    )
    assert parse_submission(product, only_nop).scaling.actuator == "nop"


LOCATIONS: dict[str, tuple[Any, tuple[str, str | None]]] = {
    "nothing": (None, ("kubernetes_default", None)),
    "product": ({"cluster": "c", "namespace": "n", "image": 3}, ("c", "n")),
    "documents": ({"plugin_info": {"cluster_name": "c", "namespace": "n"}}, ("c", "n")),
    "bare documents": ({"cluster_name": "c"}, ("c", None)),
    "wrong types": ({"cluster": 3, "namespace": ["x"], "plugin_info": "x"}, ("kubernetes_default", None)),
    "list": ([{"cluster": "c"}], ("kubernetes_default", None)),
}


@pytest.mark.parametrize(("conf", "expected"), LOCATIONS.values(), ids=LOCATIONS)
def test_cleanup_finds_its_cluster_in_any_conf(conf: Any, expected: tuple[str, str | None]) -> None:
    """Cleanup learns where the run was, however bad the submission is."""
    assert location_of_cleanup(conf) == expected


def test_the_models_own_defaults_are_valid() -> None:
    """A minimal submission equals the model built by hand."""
    conf = {"image": "i", "items": ["a"], "expected_time": 1}
    by_hand = Submission.model_validate({"image": "i", "workload": {"items": ["a"]}, "expected_time": 1})
    assert parse_submission(conf) == by_hand
