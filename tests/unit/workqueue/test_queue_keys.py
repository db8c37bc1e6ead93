"""The names of a run's keys."""

import fnmatch
import hashlib

import pytest

from kubejobs.workqueue.keys import QueueKeys


def test_the_open_contract_s_keys_are_those_of_existing_images() -> None:
    """A private queue, without prefix, has the original's names."""
    keys = QueueKeys()
    assert (keys.queued, keys.processing, keys.errors) == ("job", "job:processing", "job:errors")
    assert keys.control == "job:control"


@pytest.mark.parametrize("item", ["a.txt", "ü", b"\xff"], ids=["ascii", "utf-8", "bytes"])
def test_a_session_lease_is_that_of_the_rediswq_example(item: str | bytes) -> None:
    """The lease key ends with the item's SHA-224."""
    data = item if isinstance(item, bytes) else item.encode()
    assert QueueKeys("p:").session_lease(item) == f"p:job:leased_by_session:{hashlib.sha224(data).hexdigest()}"


def test_every_key_begins_with_the_run_s_prefix() -> None:
    """Nothing of another run in a shared server can be named."""
    keys = QueueKeys("kubejobs:kj-1:")
    names = [getattr(keys, name) for name, kind in vars(QueueKeys).items() if isinstance(kind, property)]
    names += [keys.filling("x"), keys.session_lease("x")]
    assert len(names) > 10
    assert all(
        name.removesuffix(":*") == "kubejobs:kj-1:job" or name.startswith("kubejobs:kj-1:job:") for name in names
    )
    assert len(set(names)) == len(names)


def test_the_pattern_takes_the_prefix_literally() -> None:
    """Glob letters in a prefix match themselves only."""
    assert QueueKeys("a*[b]?:").pattern == r"a\*\[b\]\?:job:*"
    assert fnmatch.fnmatch("x:job:total", QueueKeys("x:").pattern)
