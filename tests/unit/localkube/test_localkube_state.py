"""The store, its history, selectors, patches and quantities."""

from __future__ import annotations

from typing import Any

import pytest

from localkube.errors import ApiError
from localkube.state import patches
from localkube.state.deletion import DeleteOptions, delete
from localkube.state.kinds import CONFIG_MAPS, JOBS, PODS
from localkube.state.quantities import parse_quantity
from localkube.state.selectors import field_predicate, label_predicate, matches_labels
from localkube.state.store import Event, Store


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    """A ConfigMap's manifest."""
    return {"metadata": {"name": name, "namespace": "ns", **metadata}, "data": {"key": name}}


def test_history_is_gone_when_it_is_too_long_ago() -> None:
    """Changes are told from a version on while history reaches back to it, and refused with 410 after that."""
    store = Store(history_length=3)
    start = store.version
    for index in range(3):
        store.create(CONFIG_MAPS, config_map(f"c{index}"))
    assert [event.item["metadata"]["name"] for event in store.since(start)] == ["c0", "c1", "c2"]
    store.create(CONFIG_MAPS, config_map("c3"))
    with pytest.raises(ApiError) as caught:
        store.since(start)
    assert (caught.value.status, caught.value.reason) == (410, "Expired")
    assert [event.item["metadata"]["name"] for event in store.since(start + 1)] == ["c1", "c2", "c3"]


def test_subscribers_hear_every_change_with_what_was_before() -> None:
    """A subscriber is told each change once, with the object before it."""
    store, heard = Store(), list[Event]()
    unsubscribe = store.subscribe(heard.append)
    created = store.create(CONFIG_MAPS, config_map("one"))
    store.update(CONFIG_MAPS, created | {"data": {"key": "new"}})
    store.remove(CONFIG_MAPS, created)
    unsubscribe()
    store.create(CONFIG_MAPS, config_map("two"))
    assert [event.change for event in heard] == ["ADDED", "MODIFIED", "DELETED"]
    assert heard[1].before is not None
    assert heard[1].before["data"] == {"key": "one"}


def test_stored_objects_do_not_change_with_their_source() -> None:
    """Changing what was given to the store changes nothing in it."""
    store, source = Store(), config_map("one")
    store.create(CONFIG_MAPS, source)
    source["data"]["key"] = "changed"
    assert store.get(CONFIG_MAPS, "ns", "one")["data"] == {"key": "one"}


def test_a_job_is_orphaned_by_default_and_other_kinds_are_not() -> None:
    """Only Jobs keep the old default of leaving what they own."""
    store = Store()
    job = store.create(JOBS, {"metadata": {"name": "job", "namespace": "ns"}, "spec": {}, "status": {}})
    assert delete(store, JOBS, job)["metadata"]["finalizers"] == ["orphan"]
    delete(store, CONFIG_MAPS, store.create(CONFIG_MAPS, config_map("one")))
    assert store.find(CONFIG_MAPS, "ns", "one") is None


def test_a_second_delete_of_a_pod_only_shortens_its_grace() -> None:
    """A pod's grace period can be cut short and not be made longer."""
    store = Store()
    spec = {"nodeName": "n", "terminationGracePeriodSeconds": 30}
    body = {"metadata": {"name": "pod", "namespace": "ns"}, "spec": spec, "status": {"phase": "Running"}}
    pod = delete(store, PODS, store.create(PODS, body))
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 30
    pod = delete(store, PODS, pod, DeleteOptions(grace_seconds=5))
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 5
    pod = delete(store, PODS, pod, DeleteOptions(grace_seconds=60))
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 5


@pytest.mark.parametrize("text", ["a in x", "=b", "a b", "a in ()b"])
def test_a_wrong_label_selector_is_refused(text: str) -> None:
    """What is no label selector is 400."""
    with pytest.raises(ApiError) as caught:
        label_predicate(text)
    assert caught.value.status == 400


def test_field_selectors_compare_nested_fields() -> None:
    """Field selectors reach into the object, also by inequality."""
    pod = {"metadata": {"name": "p"}, "spec": {}, "status": {"phase": "Running"}}
    assert field_predicate("status.phase=Running,metadata.name!=q", PODS)(pod)
    assert not field_predicate("status.phase!=Running", PODS)(pod)


@pytest.mark.parametrize(
    ("operator", "values", "matches"),
    [("In", ["x"], True), ("NotIn", ["x"], False), ("Exists", None, True), ("DoesNotExist", None, False)],
)
def test_selector_expressions_match(operator: str, values: list[str] | None, matches: bool) -> None:
    """Expressions of a selector object are all understood."""
    rule = {"key": "app", "operator": operator, "values": values}
    assert matches_labels({"matchExpressions": [rule]}, {"app": "x"}) is matches


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        pytest.param({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B", "value": "2"}]},
                     {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}, id="by-key"),
        pytest.param({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "$patch": "delete"}]},
                     {"env": []}, id="delete-element"),
        pytest.param({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}, id="plain-list"),
        pytest.param({"finalizers": ["a"]}, {"finalizers": ["b"]}, {"finalizers": ["a", "b"]}, id="union"),
        pytest.param({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]},
                     {"finalizers": ["b"]}, id="remove-from-union"),
        pytest.param({"m": {"a": 1}}, {"m": {"$patch": "replace", "b": 2}}, {"m": {"b": 2}}, id="replace-map"),
        pytest.param({"env": [{"name": "A"}]}, {"env": [{"$patch": "replace"}, {"name": "B"}]},
                     {"env": [{"name": "B"}]}, id="replace-list"),
    ],
)  # fmt: skip
def test_strategic_merges(before: Any, patch: Any, after: Any) -> None:
    """A strategic merge follows merge keys and directives."""
    assert patches.strategic_merge(before, patch) == after


@pytest.mark.parametrize(
    ("operations", "after"),
    [
        pytest.param([{"op": "add", "path": "/l/-", "value": 3}], {"l": [1, 2, 3]}, id="append"),
        pytest.param([{"op": "add", "path": "/l/0", "value": 0}], {"l": [0, 1, 2]}, id="insert"),
        pytest.param([{"op": "replace", "path": "/l/1", "value": 9}], {"l": [1, 9]}, id="replace"),
        pytest.param([{"op": "copy", "from": "/l/0", "path": "/x"}], {"l": [1, 2], "x": 1}, id="copy"),
        pytest.param([{"op": "move", "from": "/l", "path": "/m~1n"}], {"m/n": [1, 2]}, id="move"),
    ],
)
def test_json_patches(operations: Any, after: Any) -> None:
    """A JSON patch does each of its operations, and leaves the document that it was given."""
    document = {"l": [1, 2]}
    assert patches.json_patch(document, operations) == after
    assert document == {"l": [1, 2]}


@pytest.mark.parametrize(
    ("text", "number"),
    [("250m", 0.25), ("2", 2), (1, 1), ("1Gi", 1024**3), ("1.5k", 1500), ("1e3", 1000), ("3E", 3e18)],
)
def test_quantities(text: str, number: float) -> None:
    """Quantities are read with their units."""
    assert parse_quantity(text) == number


def test_a_wrong_quantity_is_refused() -> None:
    """What is no quantity is an error that says what to write."""
    with pytest.raises(ValueError, match="such as 250m"):
        parse_quantity("lots")
