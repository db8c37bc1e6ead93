"""The documentation says what the code is: its links resolve, its settings and rights are the real ones."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from kubejobs.cluster.client import KINDS
from kubejobs.settings import PREFIX, Settings
from kubejobs.submission.parse import parse_submission

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("src/*/README.md")])
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CLUSTER = (REPOSITORY / "docs" / "cluster.md").read_text(encoding="utf-8")
ROLE_FILE = REPOSITORY / "include" / "configs" / "kubernetes" / "role.yaml"

_LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_BODY = re.compile(r"-d '(\{\n.*?\n\})'", re.DOTALL)


def anchor(heading: str) -> str:
    """The heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(page: Path) -> list[str]:
    """Links of the page to files or headings that do not exist."""
    broken = []
    for path, fragment in _LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(path)
        elif fragment and fragment not in map(anchor, _HEADING.findall(target.read_text(encoding="utf-8"))):
            broken.append(f"{path}#{fragment}")
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_resolve(page):
    """Every relative link leads to a file, and its fragment to a heading there."""
    assert broken_links(page) == []


def test_broken_links_are_found(tmp_path):
    """A missing file and a missing heading are both told."""
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[a](#a-heading) [b](no.md) [c](page.md#no-heading)\n", encoding="utf-8")
    assert broken_links(page) == ["no.md", "page.md#no-heading"]


def shown(default: object) -> str:
    """A setting's default as the table has it."""
    if default == "":
        return "empty"
    text = (
        str(default).lower() if isinstance(default, bool) else f"{default:g}" if isinstance(default, float) else default
    )
    return f"`{text}`"


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_settings_are_documented(setting):
    """Each setting has its line in docs/cluster.md, with its default and its help text."""
    name = f"`{PREFIX}{setting.name.upper()}`"
    assert f"| {name} | {shown(setting.default)} | {setting.metadata['help']} |" in CLUSTER


def test_every_documented_setting_exists():
    """The table holds no setting that the code does not have."""
    documented = set(re.findall(rf"^\| `{PREFIX}(\w+)` \|", CLUSTER, re.MULTILINE))
    assert documented == {setting.name.upper() for setting in fields(Settings)}


@pytest.mark.parametrize("body", _BODY.findall(README), ids=["product", "documents"])
def test_the_readmes_bodies_are_valid_submissions(body):
    """What the README sends by REST is accepted."""
    request = json.loads(body)
    assert request["logical_date"] is None
    assert parse_submission(request["conf"]).expected_time > 0


def test_the_role_covers_every_kind():
    """Cleanup lists and deletes every kind of object, so the Role grants both for each, and no wildcard."""
    role = next(entry for entry in yaml.safe_load_all(ROLE_FILE.read_text(encoding="utf-8")) if entry["kind"] == "Role")
    granted = {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
    assert set(granted) == {f"{kind.name.lower()}s" for kind in KINDS}
    assert all({"list", "delete"} <= verbs for verbs in granted.values())
    assert "*" not in set().union(*granted.values())
