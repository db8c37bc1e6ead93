"""Create or adopt, remove, keep and sweep: a run's objects on a cluster."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.cluster.harness import owner_of
from contract.run.conftest import Run
from kubejobs.cleanup.janitor import GRACE, sweep
from kubejobs.cleanup.run import clean_up, keep
from kubejobs.cluster import manifests
from kubejobs.cluster.client import read_queue_address
from kubejobs.cluster.remove import remove_run
from kubejobs.deploy.deploy import Order, deploy
from kubejobs.deploy.queue_server import provide_queue
from kubejobs.errors import ClusterError, KubeJobsError, ObjectConflictError
from kubejobs.naming import RUN_LABEL
from kubejobs.settings import Settings
from kubejobs.workqueue.types import QueueAddress

WAIT_SECONDS = 60.0


def anchor_of(run: Run) -> dict[str, Any]:
    """The run's anchor as a manifest."""
    return manifests.anchor(run.target.run, run.kube.ns)


def test_what_an_earlier_try_made_is_adopted(run: Run) -> None:
    """The same object comes back, unchanged."""
    first, second = (run.target.cluster.create_or_adopt(anchor_of(run)) for _ in range(2))
    assert first.metadata.uid == second.metadata.uid


def test_somebody_elses_object_is_refused(run: Run) -> None:
    """A name that is taken by another run, or by nobody's object, is never adopted."""
    run.kube.config_map(run.target.run.anchor_name, labels={RUN_LABEL: "kj-another"})
    with pytest.raises(ObjectConflictError, match="exists and is not this run's"):
        run.target.cluster.create_or_adopt(anchor_of(run))


def test_an_object_that_is_being_deleted_is_waited_for(run: Run) -> None:
    """A retry that meets the old object still terminating makes a new one when it is gone."""
    cluster, name = run.target.cluster, run.target.run.anchor_name
    held = anchor_of(run)
    held["metadata"]["finalizers"] = ["kubejobs.io/test"]
    old = cluster.create_or_adopt(held)
    cluster.delete("ConfigMap", name, run.kube.ns)
    assert cluster.find("ConfigMap", name, run.kube.ns).metadata.deletion_timestamp is not None
    release = threading.Timer(
        0.3, run.kube.core.patch_namespaced_config_map, (name, run.kube.ns, {"metadata": {"finalizers": None}})
    )
    release.start()
    new = cluster.create_or_adopt(anchor_of(run))
    release.join()
    assert new.metadata.uid != old.metadata.uid
    assert new.metadata.deletion_timestamp is None


def test_an_object_of_a_deleted_anchor_is_made_anew(run: Run) -> None:
    """A retry right after a killed try must not adopt what the garbage collector is about to remove."""
    cluster, ns = run.target.cluster, run.kube.ns
    service = manifests.queue_service(run.target.run, ns)
    first = cluster.create_or_adopt(anchor_of(run)).metadata.uid
    doomed = run.target.create(service, first)
    cluster.delete("ConfigMap", run.target.run.anchor_name, ns)
    second = cluster.create_or_adopt(anchor_of(run)).metadata.uid
    made = run.target.create(service, second)
    assert made.metadata.uid != doomed.metadata.uid
    assert made.metadata.owner_references[0].uid == second
    run.kube.settles(
        "the new Service stays", lambda: cluster.find("Service", run.target.run.queue_name, ns) is not None
    )


def test_the_address_in_the_secret_comes_back(run: Run) -> None:
    """All of a shared Redis' address, through the API's base64."""
    address = QueueAddress("redis.example", 6380, password="pä:ss", username="u", database=3, tls=True, prefix="p:")
    run.target.cluster.create_or_adopt(manifests.queue_secret(run.target.run, run.kube.ns, address))
    assert read_queue_address(run.target.cluster, run.target.run, run.kube.ns) == address
    assert read_queue_address(run.target.cluster, run.target.run, "no-such-namespace") is None


def test_removing_takes_every_object_of_the_run_and_no_other(run: Run) -> None:
    """Orphans of the run go too; what only looks similar stays."""
    owner = run.target.cluster.create_or_adopt(anchor_of(run))
    run.kube.config_map("of-the-run", labels={RUN_LABEL: run.target.run.name})
    run.kube.config_map("of-the-run-too", labels={RUN_LABEL: run.target.run.name}, ownerReferences=[owner_of(owner)])
    run.kube.config_map("of-another", labels={RUN_LABEL: "kj-another"})
    assert remove_run(run.target.cluster, run.target.run, run.kube.ns, WAIT_SECONDS) == []
    assert run.objects() == []
    assert run.target.cluster.find("ConfigMap", "of-another", run.kube.ns) is not None


def test_what_keeps_terminating_is_told(run: Run) -> None:
    """An object that a finalizer holds is named as terminating, which is no failure."""
    held = anchor_of(run)
    held["metadata"]["finalizers"] = ["kubejobs.io/test"]
    run.target.cluster.create_or_adopt(held)
    left = remove_run(run.target.cluster, run.target.run, run.kube.ns, 0.0)
    assert [str(item) for item in left] == [f"ConfigMap {run.target.run.anchor_name} (terminating)"]
    run.kube.core.patch_namespaced_config_map(
        run.target.run.anchor_name, run.kube.ns, {"metadata": {"finalizers": None}}
    )
    run.kube.eventually("it is gone", lambda: not run.objects())


def test_what_is_created_during_cleanup_goes_too(run: Run) -> None:
    """Deploy that still creates while its run is removed leaves nothing: its objects have no living owner."""
    cluster, ns = run.target.cluster, run.kube.ns
    owner = cluster.create_or_adopt(anchor_of(run)).metadata.uid
    clean_up(cluster, run.target.run, ns, WAIT_SECONDS, lambda _: None)
    run.target.create(manifests.queue_service(run.target.run, ns), owner)
    address = QueueAddress("127.0.0.1", password="zz-password")
    run.target.create(manifests.queue_secret(run.target.run, ns, address), owner)
    run.kube.eventually("what came late is gone", lambda: not run.objects())


def test_a_run_is_kept_for_its_lifetime_and_then_swept(run: Run) -> None:
    """The janitor leaves it alone until then, whatever Airflow says, and then removes it."""
    cluster, ns = run.target.cluster, run.kube.ns
    cluster.create_or_adopt(anchor_of(run))
    expires = keep(cluster, run.target.run, ns, 3600, lambda _: None)
    assert expires is not None
    before, after = expires - timedelta(minutes=1), expires + timedelta(minutes=1)
    assert sweep(cluster, ns, before, lambda _: True, WAIT_SECONDS, lambda _: None) == []
    assert run.objects() == [f"ConfigMap {run.target.run.anchor_name}"]
    swept = sweep(cluster, ns, after, lambda _: False, WAIT_SECONDS, lambda _: None)
    assert [leftover.run for leftover in swept] == [run.target.run]
    assert run.objects() == []


def test_a_lost_run_is_swept_after_the_grace(run: Run) -> None:
    """With its queue server and all, by the age that the cluster gives its anchor."""
    cluster, ns = run.target.cluster, run.kube.ns
    provide_queue(run.target, run.submission(), run.settings, None)
    now = datetime.now(UTC)
    assert sweep(cluster, ns, now, lambda _: True, WAIT_SECONDS, lambda _: None) == []
    swept = sweep(cluster, ns, now + GRACE + timedelta(minutes=1), lambda _: True, WAIT_SECONDS, lambda _: None)
    assert [leftover.run for leftover in swept] == [run.target.run]
    assert run.objects() == []


def test_an_image_that_does_not_exist_is_said_in_the_clusters_words(run: Run) -> None:
    """Deploy ends in time, with the reason that the pod has; cleanup then leaves nothing."""
    submission = run.submission(queue={"image": "registry.invalid/nobody/nothing:1"})
    settings = Settings(queue_ready_seconds=20 if run.kube.backend.genuine else 3)
    with pytest.raises(KubeJobsError) as caught:
        deploy(Order(run.target, submission, submitted_at=0.0), ["a"], settings, lambda _: None)
    assert any(word in str(caught.value) for word in ("ErrImagePull", "ImagePullBackOff"))
    assert "did not answer within" in str(caught.value)
    clean_up(run.target.cluster, run.target.run, run.kube.ns, WAIT_SECONDS, lambda _: None)
    assert run.objects() == []


def test_a_namespace_that_does_not_exist_is_a_clear_error(run: Run) -> None:
    """Not a wait, not a traceback: the API's own words."""
    manifest = manifests.anchor(run.target.run, "no-such-namespace")
    with pytest.raises(ClusterError, match=r'creating ConfigMap no-such-namespace/.*"no-such-namespace" not found'):
        run.target.cluster.create_or_adopt(manifest)
