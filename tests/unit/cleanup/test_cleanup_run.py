"""Removing one run, keeping it for its lifetime, and the janitor's search for leftovers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from kubejobs.cleanup.janitor import GRACE, leftovers, sweep
from kubejobs.cleanup.run import clean_up, keep
from kubejobs.cluster import manifests
from kubejobs.cluster.client import ClusterClient
from kubejobs.cluster.manifests import EXPIRES_ANNOTATION
from kubejobs.errors import ClusterError
from kubejobs.naming import RunIdentity
from kubejobs.workqueue.client import WorkQueue
from kubejobs.workqueue.types import QueueAddress
from support.cluster_fake import FakeClusterClient
from support.queue_fixtures import valkey
from support.valkey import ValkeyServer

__all__ = ["valkey"]

RUN = RunIdentity("kubejobs", "manual__1")
OTHER = RunIdentity("kubejobs", "manual__2")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def cluster() -> FakeClusterClient:
    """A cluster with the objects of RUN."""
    cluster = FakeClusterClient()
    make(cluster, RUN)
    return cluster


def make(cluster: FakeClusterClient, run: RunIdentity, address: QueueAddress | None = None) -> None:
    """The run's anchor, Secret and Service."""
    owner = cluster.create_or_adopt(manifests.anchor(run, "ns")).metadata.uid
    for manifest in (
        manifests.queue_secret(run, "ns", address or QueueAddress("127.0.0.1", password="zz-password")),
        manifests.queue_service(run, "ns"),
    ):
        cluster.create_or_adopt(manifests.owned_by(manifest, owner, run))


def test_everything_of_the_run_goes_and_nothing_else(cluster: FakeClusterClient) -> None:
    """Another run's objects in the same namespace stay."""
    make(cluster, OTHER)
    said: list[str] = []
    clean_up(cluster, RUN, "ns", 1.0, said.append)
    assert {name for _, _, name in cluster.objects} == {OTHER.anchor_name, OTHER.queue_name}
    assert said == [f"nothing of {RUN.name} is left in ns"]


def test_cleanup_may_be_repeated(cluster: FakeClusterClient) -> None:
    """A second cleanup, or one of a run that made nothing, is no error."""
    for _ in range(2):
        clean_up(cluster, RUN, "ns", 1.0, lambda _: None)
    assert not cluster.objects


def test_what_does_not_even_terminate_is_an_error_with_the_command_that_helps(cluster: FakeClusterClient) -> None:
    """Objects that stay are named, and how to remove them."""
    cluster.undeletable = {"Secret"}
    with pytest.raises(ClusterError, match=rf"Secret {RUN.queue_name}; remove them with `kubectl -n ns delete"):
        clean_up(cluster, RUN, "ns", 0.0, lambda _: None)


def test_the_keys_in_a_shared_redis_go_too(valkey: ValkeyServer) -> None:
    """Only the run's own keys, by its prefix."""
    cluster = FakeClusterClient()
    make(cluster, RUN, valkey.address(RUN.key_prefix))
    with WorkQueue(valkey.address(RUN.key_prefix)) as queue, WorkQueue(valkey.address(OTHER.key_prefix)) as other:
        queue.fill(["a", "b"])
        other.fill(["c"])
        clean_up(cluster, RUN, "ns", 1.0, lambda _: None)
        with valkey.client() as raw:
            assert not raw.keys(f"{RUN.key_prefix}*")
        assert other.snapshot().counts.queued == 1
        other.delete_run()


def test_a_shared_redis_that_is_gone_does_not_stop_the_cleanup(valkey: ValkeyServer) -> None:
    """The keys that may be left are named; the cluster's objects go all the same."""
    cluster = FakeClusterClient()
    make(cluster, RUN, QueueAddress("127.0.0.1", 1, prefix=RUN.key_prefix))
    said: list[str] = []
    clean_up(cluster, RUN, "ns", 1.0, said.append)
    assert not cluster.objects
    assert said[0].startswith(f"keys {RUN.key_prefix}* may be left in the shared Redis")


def test_a_lifetime_is_written_on_the_anchor(cluster: FakeClusterClient) -> None:
    """The janitor reads there when the objects shall go; nothing is removed now."""
    before = len(cluster.objects)
    expires = keep(cluster, RUN, "ns", 60, lambda _: None)
    written = cluster.find("ConfigMap", RUN.anchor_name, "ns").metadata.annotations[EXPIRES_ANNOTATION]
    assert expires is not None
    assert datetime.fromisoformat(written) == expires.replace(microsecond=0)
    assert timedelta(seconds=55) < expires - datetime.now(UTC) <= timedelta(seconds=60)
    assert len(cluster.objects) == before


def test_nothing_is_kept_of_a_run_that_made_nothing() -> None:
    """Without an anchor there is nothing whose lifetime could end."""
    assert keep(FakeClusterClient(), RUN, "ns", 60, lambda _: None) is None


@pytest.mark.parametrize(
    ("age", "expires", "is_over", "found"),
    [
        pytest.param(GRACE * 2, None, True, True, id="over and old"),
        pytest.param(GRACE * 2, None, False, False, id="still going on"),
        pytest.param(GRACE / 2, None, True, False, id="its own cleanup may still come"),
        pytest.param(GRACE * 2, NOW - timedelta(seconds=1), False, True, id="lifetime over"),
        pytest.param(GRACE * 2, NOW + timedelta(seconds=1), True, False, id="over, kept for its lifetime"),
        pytest.param(timedelta(), NOW, True, True, id="lifetime just over"),
    ],
)
def test_which_runs_are_leftovers(
    cluster: FakeClusterClient, age: timedelta, expires: datetime | None, is_over: bool, found: bool
) -> None:
    """A lifetime decides alone; without one it is Airflow's word and the grace."""
    metadata = cluster.find("ConfigMap", RUN.anchor_name, "ns").metadata
    metadata.creation_timestamp = NOW - age
    if expires:
        metadata.annotations[EXPIRES_ANNOTATION] = expires.isoformat()
    assert [leftover.run for leftover in leftovers(cluster, "ns", NOW, lambda _: is_over)] == [RUN] * found


@pytest.mark.parametrize("spoil", ["no data", "another run's data"])
def test_an_anchor_that_is_not_ours_is_left_alone(cluster: FakeClusterClient, spoil: str) -> None:
    """Labels alone do not make a run: the name has to follow from the run that the data names."""
    anchor = cluster.find("ConfigMap", RUN.anchor_name, "ns")
    anchor.metadata.creation_timestamp = NOW - GRACE * 2
    anchor.data = None if spoil == "no data" else {"dag_id": OTHER.dag_id, "run_id": OTHER.run_id}
    assert not list(leftovers(cluster, "ns", NOW, lambda _: True))


@pytest.mark.parametrize("stamp", ["next week", "2026-01-01T00:00:00", ""])
def test_a_lifetime_that_nobody_can_read_is_ignored(cluster: FakeClusterClient, stamp: str) -> None:
    """An annotation that a person spoilt must not stop the janitor: the run is judged as one without a lifetime."""
    metadata = cluster.find("ConfigMap", RUN.anchor_name, "ns").metadata
    metadata.creation_timestamp = NOW - GRACE * 2
    metadata.annotations[EXPIRES_ANNOTATION] = stamp
    assert [leftover.run for leftover in leftovers(cluster, "ns", NOW, lambda _: True)] == [RUN]


def failing_for(run: RunIdentity) -> Callable[[str], None]:
    """A log that fails as the cluster would while this run is being removed."""

    def log(message: str) -> None:
        if message == f"nothing of {run.name} is left in ns":
            raise ClusterError("the API says no")

    return log


def test_a_run_that_cannot_be_removed_does_not_hide_the_next(cluster: FakeClusterClient) -> None:
    """The sweep goes on and returns what it removed."""
    make(cluster, OTHER)
    for anchor in cluster.list("ConfigMap", "ns", RUN.selector.split("=")[0]):
        anchor.metadata.creation_timestamp = NOW - GRACE * 2
    removed = sweep(cluster, "ns", NOW, lambda _: True, 1.0, failing_for(RUN))
    assert [leftover.run for leftover in removed] == [OTHER]


def test_the_fake_offers_what_the_client_does() -> None:
    """The fake's calls have the names of the real client's."""
    names = {name for name in vars(ClusterClient) if not name.startswith("_")}
    assert names <= set(dir(FakeClusterClient))
