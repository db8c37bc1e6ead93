"""The names of a run's keys."""

import fnmatch
import hashlib
import re
from pathlib import Path

import pytest

from kubejobs.workqueue import scripts
from kubejobs.workqueue.keys import QueueKeys

DOCS = Path(__file__).parents[3] / "docs" / "queue.md"
KEY_IN_SCRIPT = re.compile(r"key\('([a-z:]+)'")


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
    names += [keys.filling("x"), keys.session_lease("x"), keys.level(3), keys.lease("p/s.1")]
    assert len(names) > 10
    assert all(
        name.removesuffix(":*") == "kubejobs:kj-1:job" or name.startswith("kubejobs:kj-1:job:") for name in names
    )
    assert len(set(names)) == len(names)


def test_the_pattern_takes_the_prefix_literally() -> None:
    """Glob letters in a prefix match themselves only."""
    assert QueueKeys("a*[b]?:").pattern == r"a\*\[b\]\?:job:*"
    assert fnmatch.fnmatch("x:job:total", QueueKeys("x:").pattern)


def keys_in_code() -> set[str]:
    """Every key that a script or the clients use, without what varies."""
    every = [script for script in vars(scripts).values() if isinstance(script, scripts.Script)]
    assert len(every) > 15
    names = {f"job:{suffix.rstrip(':')}" for script in every for suffix in KEY_IN_SCRIPT.findall(script.text)}
    keys = QueueKeys()
    names |= {getattr(keys, name) for name, kind in vars(QueueKeys).items() if isinstance(kind, property)}
    names |= {keys.session_lease("x").rpartition(":")[0]}
    return {name for name in names if "*" not in name}


@pytest.mark.parametrize("name", sorted(keys_in_code()))
def test_every_key_is_documented(name: str) -> None:
    """docs/queue.md has a row for it."""
    rows = [line.split("|")[1] for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `job")]
    documented = {text.rstrip(":").partition(":<")[0] for row in rows for text in re.findall(r"`([^`]+)`", row)}
    assert name in documented
