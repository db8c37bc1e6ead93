"""Objects and their rules: names, versions, patches, validation, selectors."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from kubernetes import client

from contract.cluster.harness import Backend, Kube, pod_spec, races, refused

JOB = {"template": {"spec": {"restartPolicy": "Never", **pod_spec("sleep 60")}}, "suspend": True}


def job_body(name: str = "job", **spec: Any) -> dict[str, Any]:
    """A suspended Job's manifest."""
    return {"metadata": {"name": name}, "spec": JOB | spec}


def raw_patch(kube: Kube, path: str, body: Any, kind: str) -> Any:
    """A patch of one kind, whatever the client would choose."""
    header = {"Content-Type": f"application/{kind}-patch+json", "Accept": "application/json"}
    answer = kube.api.call_api(
        path, "PATCH", header_params=header, body=body, auth_settings=["BearerToken"], _preload_content=False
    )
    return json.loads(answer.data)


def test_a_created_object_is_read_back_with_identity_and_version(kube: Kube) -> None:
    """What was created is read back, with uid, resourceVersion and creation time."""
    created = kube.config_map("one", labels={"a": "b"})
    found = kube.core.read_namespaced_config_map("one", kube.ns)
    assert found.metadata.uid == created.metadata.uid
    assert found.metadata.resource_version == created.metadata.resource_version
    assert found.metadata.creation_timestamp is not None
    assert (found.data, found.metadata.labels) == ({"key": "value"}, {"a": "b"})


def test_a_second_object_of_the_same_name_already_exists(kube: Kube) -> None:
    """Creating a name that is taken is 409 AlreadyExists, with the object named in details."""
    kube.config_map("one")
    problem = refused(lambda: kube.config_map("one"))
    body = json.loads(problem.body)
    assert (problem.status, body["reason"], body["kind"]) == (409, "AlreadyExists", "Status")
    assert body["details"] == {"name": "one", "kind": "configmaps"}


def test_a_missing_object_is_not_found(kube: Kube) -> None:
    """Reading what is not there is 404 NotFound, with group and kind in details."""
    problem = refused(lambda: kube.job("none"))
    body = json.loads(problem.body)
    assert (problem.status, body["reason"], body["code"]) == (404, "NotFound", 404)
    assert body["details"] == {"name": "none", "group": "batch", "kind": "jobs"}
    assert body["message"] == 'jobs.batch "none" not found'


def test_generate_name_makes_distinct_names(kube: Kube) -> None:
    """GenerateName appends a random part, a different one each time."""
    names = set()
    for _ in range(3):
        body = {"metadata": {"generateName": "part-"}}
        names.add(kube.core.create_namespaced_config_map(kube.ns, body).metadata.name)
    assert len(names) == 3
    assert all(name.startswith("part-") and len(name) == len("part-") + 5 for name in names)


def test_a_replace_with_an_old_version_conflicts(kube: Kube) -> None:
    """A replace that carries an old resourceVersion is 409 Conflict; without one it is accepted."""
    created = kube.config_map("one")
    kube.core.patch_namespaced_config_map("one", kube.ns, {"data": {"key": "changed"}})
    created.data = {"key": "mine"}
    problem = refused(lambda: kube.core.replace_namespaced_config_map("one", kube.ns, created))
    assert (problem.status, json.loads(problem.body)["reason"]) == (409, "Conflict")
    created.metadata.resource_version = None
    assert kube.core.replace_namespaced_config_map("one", kube.ns, created).data == {"key": "mine"}


@races
def test_a_patch_with_an_old_version_conflicts(kube: Kube) -> None:
    """A Job's parallelism is changed only if its resourceVersion is still the one that was read."""
    read = kube.batch.create_namespaced_job(kube.ns, job_body())
    kube.batch.patch_namespaced_job("job", kube.ns, {"metadata": {"labels": {"touched": "yes"}}})
    version = read.metadata.resource_version
    patch = {"metadata": {"resourceVersion": version}, "spec": {"parallelism": 3}}
    problem = refused(lambda: kube.batch.patch_namespaced_job("job", kube.ns, patch))
    assert (problem.status, json.loads(problem.body)["reason"]) == (409, "Conflict")

    def fresh() -> bool:
        patch["metadata"]["resourceVersion"] = kube.job("job").metadata.resource_version
        try:
            return bool(kube.batch.patch_namespaced_job("job", kube.ns, patch).spec.parallelism == 3)
        except client.ApiException:  # the controller wrote in between
            return False

    kube.eventually("the patch with the newest version is accepted", fresh)


def test_the_default_patch_merges_maps_and_removes_nulls(kube: Kube) -> None:
    """The client's default patch merges maps and removes what is null."""
    kube.config_map("one", labels={"keep": "1", "drop": "1"})
    patch = {"metadata": {"labels": {"drop": None, "new": "1"}}, "data": {"more": "yes"}}
    found = kube.core.patch_namespaced_config_map("one", kube.ns, patch)
    assert found.metadata.labels == {"keep": "1", "new": "1"}
    assert found.data == {"key": "value", "more": "yes"}


def test_strategic_and_plain_merge_differ_in_lists(kube: Kube) -> None:
    """A strategic merge merges a Service's ports by their port; a plain merge replaces the list."""
    ports = [{"name": "a", "port": 1000}, {"name": "b", "port": 2000}]
    kube.core.create_namespaced_service(kube.ns, {"metadata": {"name": "svc"}, "spec": {"ports": ports}})
    path = f"/api/v1/namespaces/{kube.ns}/services/svc"
    added = {"spec": {"ports": [{"name": "c", "port": 3000}]}}
    assert {one["port"] for one in raw_patch(kube, path, added, "strategic-merge")["spec"]["ports"]} == {
        1000,
        2000,
        3000,
    }
    assert {one["port"] for one in raw_patch(kube, path, added, "merge")["spec"]["ports"]} == {3000}


def test_a_json_patch_applies_in_order_or_not_at_all(kube: Kube) -> None:
    """A JSON patch adds, replaces and removes; one whose test fails is 422 and changes nothing."""
    kube.config_map("one")
    path = f"/api/v1/namespaces/{kube.ns}/configmaps/one"
    good = [
        {"op": "test", "path": "/data/key", "value": "value"},
        {"op": "add", "path": "/data/x~1y", "value": "1"},
        {"op": "remove", "path": "/data/key"},
    ]
    problem = refused(lambda: raw_patch(kube, path, good, "json"))
    assert problem.status == 422  # "x/y" is no valid key
    good[1]["path"] = "/data/x.y"
    assert raw_patch(kube, path, good, "json")["data"] == {"x.y": "1"}
    problem = refused(lambda: raw_patch(kube, path, [good[0]], "json"))
    assert problem.status == 422


def test_a_patch_that_changes_nothing_keeps_the_version(kube: Kube) -> None:
    """A write that changes nothing does not make a new version."""
    created = kube.config_map("one")
    again = kube.core.patch_namespaced_config_map("one", kube.ns, {"data": {"key": "value"}})
    assert again.metadata.resource_version == created.metadata.resource_version


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(job_body("Not_A_Name"), "metadata.name", id="name"),
        pytest.param(job_body("j" * 64), "", id="long-name"),
        pytest.param({"metadata": {"name": "job"}, "spec": {}}, "spec.template.spec.containers", id="no-template"),
        pytest.param(job_body(parallelism=-1), "spec.parallelism", id="negative"),
        pytest.param(
            job_body(template={"spec": {"restartPolicy": "Always", **pod_spec("true")}}),
            "spec.template.spec.restartPolicy",
            id="restart-always",
        ),
        pytest.param(
            job_body(template={"spec": {"restartPolicy": "Never", "containers": [{"image": "x"}]}}),
            "spec.template.spec.containers[0].name",
            id="unnamed-container",
        ),
        pytest.param(
            job_body(template={"spec": {"restartPolicy": "Never", "containers": [{"name": "x"}]}}),
            "spec.template.spec.containers[0].image",
            id="no-image",
        ),
    ],
)
def test_a_wrong_job_is_invalid(kube: Kube, body: dict[str, Any], field: str) -> None:
    """A Job that breaks a rule is 422 Invalid, and the causes name the field."""
    problem = refused(lambda: kube.batch.create_namespaced_job(kube.ns, body))
    answer = json.loads(problem.body)
    assert (problem.status, answer["reason"]) == (422, "Invalid")
    fields = [cause["field"] for cause in answer["details"]["causes"]]
    assert field in fields if field else fields


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"completions": 7}, id="completions"),
        pytest.param({"selector": {"matchLabels": {"a": "b"}}}, id="selector"),
        pytest.param({"template": {"spec": {"restartPolicy": "OnFailure"}}}, id="template"),
    ],
)
def test_fixed_fields_of_a_job_do_not_change(kube: Kube, change: dict[str, Any]) -> None:
    """Changing what is fixed at a Job's creation is 422 Invalid."""
    kube.batch.create_namespaced_job(kube.ns, job_body(parallelism=1))
    problem = refused(lambda: kube.patch_job("job", **change))
    assert (problem.status, json.loads(problem.body)["reason"]) == (422, "Invalid")


def test_a_wrong_type_is_a_bad_request(kube: Kube) -> None:
    """A word where a number must be is 400 BadRequest."""
    problem = refused(lambda: kube.batch.create_namespaced_job(kube.ns, job_body(parallelism="two")))
    assert (problem.status, json.loads(problem.body)["reason"]) == (400, "BadRequest")


def test_another_namespace_in_the_body_is_a_bad_request(kube: Kube) -> None:
    """A body that names another namespace than the address is 400 BadRequest."""
    body = {"metadata": {"name": "one", "namespace": "default"}}
    problem = refused(lambda: kube.core.create_namespaced_config_map(kube.ns, body))
    assert (problem.status, json.loads(problem.body)["reason"]) == (400, "BadRequest")


def test_a_namespace_that_does_not_exist_takes_nothing(kube: Kube) -> None:
    """Creating in a namespace that is not there is 404."""
    name = f"{kube.ns}-none"
    problem = refused(lambda: kube.core.create_namespaced_config_map(name, {"metadata": {"name": "one"}}))
    assert (problem.status, json.loads(problem.body)["reason"]) == (404, "NotFound")


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        pytest.param("app=x", {"a", "b"}, id="equal"),
        pytest.param("app==x,tier=1", {"a"}, id="and"),
        pytest.param("app!=x", {"c", "d"}, id="unequal"),
        pytest.param("tier in (1, 2)", {"a", "b"}, id="in"),
        pytest.param("tier notin (1)", {"b", "c", "d"}, id="notin"),
        pytest.param("tier", {"a", "b"}, id="exists"),
        pytest.param("!tier", {"c", "d"}, id="absent"),
        pytest.param("app in (x,y),!tier", {"c"}, id="mixed"),
    ],
)
def test_label_selectors_select(kube: Kube, selector: str, names: set[str]) -> None:
    """Label selectors, by equality and by set, choose what they say."""
    for name, labels in {
        "a": {"app": "x", "tier": "1"},
        "b": {"app": "x", "tier": "2"},
        "c": {"app": "y"},
        "d": {},
    }.items():
        kube.core.create_namespaced_secret(kube.ns, {"metadata": {"name": name, "labels": labels}})
    found = kube.core.list_namespaced_secret(kube.ns, label_selector=selector).items
    assert {item.metadata.name for item in found} == names


def test_field_selectors_select(kube: Kube) -> None:
    """An object can be listed by its name, and an unknown field is 400."""
    kube.config_map("one")
    kube.config_map("two")
    found = kube.core.list_namespaced_config_map(kube.ns, field_selector="metadata.name=two").items
    assert [item.metadata.name for item in found] == ["two"]
    problem = refused(lambda: kube.core.list_namespaced_config_map(kube.ns, field_selector="data.key=value"))
    assert problem.status == 400


def test_a_list_comes_in_parts(kube: Kube) -> None:
    """With a limit a list says how to go on."""
    for index in range(5):
        kube.core.create_namespaced_secret(kube.ns, {"metadata": {"name": f"part-{index}"}})
    names, token = [], None
    while token != "":
        part = kube.core.list_namespaced_secret(kube.ns, limit=2, **({"_continue": token} if token else {}))
        assert len(part.items) <= 2
        names += [item.metadata.name for item in part.items]
        token = part.metadata._continue or ""
    assert names == [f"part-{index}" for index in range(5)]


def test_a_delete_checks_its_precondition(kube: Kube) -> None:
    """A delete that means another object of the same name is 409."""
    created = kube.config_map("one")
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="00000000-0000-0000-0000-000000000000"))
    problem = refused(lambda: kube.core.delete_namespaced_config_map("one", kube.ns, body=wrong))
    assert problem.status == 409
    right = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=created.metadata.uid))
    assert kube.core.delete_namespaced_config_map("one", kube.ns, body=right).status == "Success"


def test_a_collection_is_deleted_by_label(kube: Kube) -> None:
    """Deletecollection removes what the selector chooses and nothing else."""
    for name, run in {"a": "1", "b": "1", "c": "2"}.items():
        kube.config_map(name, labels={"run": run})
    kube.core.delete_collection_namespaced_config_map(kube.ns, label_selector="run=1")
    left = kube.core.list_namespaced_config_map(kube.ns, label_selector="run").items
    assert [item.metadata.name for item in left] == ["c"]


def test_a_finalizer_holds_an_object(kube: Kube) -> None:
    """An object with a finalizer stays, marked, until the finalizer is taken off."""
    kube.config_map("one", finalizers=["example.com/held"])
    kube.core.delete_namespaced_config_map("one", kube.ns)
    assert kube.core.read_namespaced_config_map("one", kube.ns).metadata.deletion_timestamp is not None
    path = f"/api/v1/namespaces/{kube.ns}/configmaps/one"
    raw_patch(kube, path, {"metadata": {"finalizers": None}}, "merge")
    assert refused(lambda: kube.core.read_namespaced_config_map("one", kube.ns)).status == 404


def test_plain_strings_of_a_secret_are_encoded(kube: Kube) -> None:
    """StringData arrives as base64 in data."""
    body = {"metadata": {"name": "s"}, "stringData": {"password": "pässword"}}
    created = kube.core.create_namespaced_secret(kube.ns, body)
    assert base64.b64decode(created.data["password"]).decode() == "pässword"
    assert created.type == "Opaque"


def test_a_service_gets_an_address_that_stays(kube: Kube) -> None:
    """A Service has a cluster address of its own, which can't be changed."""
    body = {"metadata": {"name": "svc"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 6379}]}}
    created = kube.core.create_namespaced_service(kube.ns, body)
    assert created.spec.cluster_ip.count(".") == 3
    assert created.spec.ports[0].target_port == 6379
    problem = refused(lambda: kube.core.patch_namespaced_service("svc", kube.ns, {"spec": {"clusterIP": "1.2.3.4"}}))
    assert problem.status == 422


def test_a_status_is_written_apart(kube: Kube) -> None:
    """A write to an object leaves its status, and a write to its status leaves the rest."""
    kube.batch.create_namespaced_job(kube.ns, job_body())
    changed = kube.batch.patch_namespaced_job("job", kube.ns, {"status": {"failed": 5}})
    assert not changed.status.failed
    body = {"metadata": {"name": "pod"}, "spec": pod_spec("sleep 60") | {"nodeSelector": {"no": "such"}}}
    kube.core.create_namespaced_pod(kube.ns, body)
    patch = {
        "status": {"conditions": [{"type": "example.com/Seen", "status": "True"}]},
        "metadata": {"labels": {"x": "y"}},
    }
    kube.core.patch_namespaced_pod_status("pod", kube.ns, patch)
    kinds = [one.type for one in kube.core.read_namespaced_pod("pod", kube.ns).status.conditions]
    assert "example.com/Seen" in kinds


def test_a_verb_that_a_resource_does_not_have_is_not_allowed(kube: Kube) -> None:
    """Posting to a single object is 405 MethodNotAllowed."""
    path = f"/api/v1/namespaces/{kube.ns}/configmaps/one"
    problem = refused(
        lambda: kube.api.call_api(path, "POST", body={}, auth_settings=["BearerToken"], _preload_content=False)
    )
    assert (problem.status, json.loads(problem.body)["reason"]) == (405, "MethodNotAllowed")


def test_an_unknown_resource_is_not_found(kube: Kube) -> None:
    """An address that names no resource is 404."""
    path = f"/apis/batch/v1/namespaces/{kube.ns}/nothings"
    problem = refused(lambda: kube.api.call_api(path, "GET", auth_settings=["BearerToken"], _preload_content=False))
    assert problem.status == 404


def test_a_caller_without_credentials_is_refused(backend: Backend) -> None:
    """Without a valid token nothing is answered."""
    with backend.new_client() as anonymous:
        anonymous.configuration.api_key = dict.fromkeys(("authorization", "BearerToken"), "Bearer wrong")
        anonymous.configuration.refresh_api_key_hook = None
        anonymous.configuration.cert_file = anonymous.configuration.key_file = None
        anonymous.rest_client = client.rest.RESTClientObject(anonymous.configuration)
        problem = refused(lambda: client.CoreV1Api(anonymous).list_namespaced_secret("default"))
    assert (problem.status, json.loads(problem.body)["reason"]) == (401, "Unauthorized")


def test_discovery_lists_what_the_project_uses(kube: Kube) -> None:
    """Clients find version, groups and resources."""
    assert int(client.VersionApi(kube.api).get_code().major) == 1
    groups = {group.name for group in client.ApisApi(kube.api).get_api_versions().groups}
    assert {"batch", "apps"} <= groups
    core = {resource.name for resource in kube.core.get_api_resources().resources}
    assert {"pods", "pods/log", "pods/status", "secrets", "configmaps", "services", "events"} <= core
    assert "jobs/status" in {resource.name for resource in kube.batch.get_api_resources().resources}
    assert "statefulsets" in {resource.name for resource in kube.apps.get_api_resources().resources}


@races
def test_deleting_a_namespace_empties_it(kube: Kube) -> None:
    """A deleted namespace goes with all that is in it, and takes nothing new meanwhile."""
    name = kube.core.create_namespace({"metadata": {"generateName": "contract-gone-"}}).metadata.name
    body = {"metadata": {"name": "one", "finalizers": ["example.com/held"]}}
    kube.core.create_namespaced_config_map(name, body)
    kube.core.delete_namespace(name)
    assert kube.core.read_namespace(name).status.phase == "Terminating"
    problem = refused(lambda: kube.core.create_namespaced_config_map(name, {"metadata": {"name": "two"}}))
    assert (problem.status, json.loads(problem.body)["reason"]) == (403, "Forbidden")
    kube.core.patch_namespaced_config_map("one", name, [{"op": "remove", "path": "/metadata/finalizers"}])

    def gone() -> bool:
        try:
            return not kube.core.read_namespace(name)
        except client.ApiException as problem:
            return bool(problem.status == 404)

    kube.eventually("the namespace is gone", gone)
