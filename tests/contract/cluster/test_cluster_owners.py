"""Owners and dependents: what goes with what."""

from __future__ import annotations

from contract.cluster.harness import Kube, owner_of, races, refused


def exists(kube: Kube, name: str) -> bool:
    """Whether the ConfigMap is there."""
    found = kube.core.list_namespaced_config_map(kube.ns, field_selector=f"metadata.name={name}").items
    return bool(found)


@races
def test_dependents_go_with_their_owner(kube: Kube) -> None:
    """Deleting an owner in the background removes it at once and what it owns soon after."""
    owner = kube.config_map("owner")
    kube.config_map("child", ownerReferences=[owner_of(owner)])
    kube.core.delete_namespaced_config_map("owner", kube.ns, propagation_policy="Background")
    assert not exists(kube, "owner")
    kube.eventually("the dependent is gone", lambda: not exists(kube, "child"))


def test_chains_of_owners_go(kube: Kube) -> None:
    """What a dependent owns goes too."""
    owner = kube.config_map("owner")
    child = kube.config_map("child", ownerReferences=[owner_of(owner)])
    kube.config_map("grandchild", ownerReferences=[owner_of(child)])
    kube.core.delete_namespaced_config_map("owner", kube.ns)
    kube.eventually("the grandchild is gone", lambda: not exists(kube, "grandchild"))


def test_foreground_keeps_the_owner_until_its_dependents_are_gone(kube: Kube) -> None:
    """An owner deleted in the foreground stays, marked, while a dependent stays."""
    owner = kube.config_map("owner")
    held = {"finalizers": ["example.com/held"], "ownerReferences": [owner_of(owner)]}
    kube.config_map("child", **held)
    kube.eventually("the dependent is known", lambda: exists(kube, "child"))
    kube.settles("both are there", lambda: exists(kube, "owner"))
    kube.core.delete_namespaced_config_map("owner", kube.ns, propagation_policy="Foreground")

    def child_deleting() -> bool:
        return bool(kube.core.read_namespaced_config_map("child", kube.ns).metadata.deletion_timestamp)

    kube.eventually("the dependent is asked to go", child_deleting)
    assert kube.core.read_namespaced_config_map("owner", kube.ns).metadata.deletion_timestamp is not None
    kube.core.patch_namespaced_config_map("child", kube.ns, [{"op": "remove", "path": "/metadata/finalizers"}])
    kube.eventually("the owner is gone", lambda: not exists(kube, "owner"))


def test_orphans_stay(kube: Kube) -> None:
    """Orphan removes the owner and leaves its dependents without the reference."""
    owner = kube.config_map("owner")
    kube.config_map("child", ownerReferences=[owner_of(owner)])
    kube.settles("the dependent is known", lambda: exists(kube, "child"))
    kube.core.delete_namespaced_config_map("owner", kube.ns, propagation_policy="Orphan")
    kube.eventually("the owner is gone", lambda: not exists(kube, "owner"))
    kube.settles("the dependent stays", lambda: exists(kube, "child"))
    assert not kube.core.read_namespaced_config_map("child", kube.ns).metadata.owner_references


def test_a_dependent_of_nobody_goes(kube: Kube) -> None:
    """An object whose owner does not exist is removed."""
    owner = kube.config_map("owner")
    kube.core.delete_namespaced_config_map("owner", kube.ns)
    kube.config_map("child", ownerReferences=[owner_of(owner)])
    kube.eventually("the dependent is gone", lambda: not exists(kube, "child"))


def test_one_owner_left_is_enough(kube: Kube) -> None:
    """An object with two owners stays while one of them does."""
    first, second = kube.config_map("first"), kube.config_map("second")
    kube.config_map("child", ownerReferences=[owner_of(first), owner_of(second)])
    kube.core.delete_namespaced_config_map("first", kube.ns)
    kube.settles("the dependent stays", lambda: exists(kube, "child"))
    kube.core.delete_namespaced_config_map("second", kube.ns)
    kube.eventually("the dependent is gone", lambda: not exists(kube, "child"))


@races
def test_a_job_and_its_pods_go_with_the_anchor(kube: Kube) -> None:
    """A Job owned by a ConfigMap goes with it, and its pods too."""
    anchor = kube.config_map("anchor")
    kube.create_job("job", "sleep 60")
    body = {"metadata": {"ownerReferences": [owner_of(anchor)]}}
    kube.batch.patch_namespaced_job("job", kube.ns, body)
    kube.running("job", 1)
    kube.core.delete_namespaced_config_map("anchor", kube.ns)
    kube.eventually("no pod is left", lambda: not kube.pods())
    assert refused(lambda: kube.job("job")).status == 404


def test_a_job_deleted_without_a_policy_leaves_its_pods(kube: Kube) -> None:
    """The Job API's own default is Orphan: the pods stay and are nobody's."""
    kube.create_job("job", "sleep 60")
    kube.running("job", 1)
    kube.batch.delete_namespaced_job("job", kube.ns)
    kube.eventually("the Job is gone", lambda: not kube.batch.list_namespaced_job(kube.ns).items)
    kube.settles("the pod stays", lambda: len(kube.pods()) == 1)
    assert not kube.pods()[0].metadata.owner_references


@races
def test_a_job_deleted_in_the_foreground_goes_after_its_pods(kube: Kube) -> None:
    """Foreground: when the Job is gone its pods are."""
    kube.create_job("job", "sleep 60", parallelism=2)
    kube.running("job", 2)
    kube.batch.delete_namespaced_job("job", kube.ns, propagation_policy="Foreground")
    assert kube.job("job").metadata.deletion_timestamp is not None
    kube.eventually("the Job is gone", lambda: not kube.batch.list_namespaced_job(kube.ns).items)
    assert not kube.pods()
