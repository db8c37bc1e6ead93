"""controller.cfg and monitor.cfg: what they enable and fill in, and what is wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubejobs.errors import ConfigurationError
from kubejobs.submission.defaults import Defaults, read_defaults
from kubejobs.submission.parse import parse_submission
from support.submissions import DOCUMENTS

REPOSITORY = Path(__file__).parents[3]

CONTROLLER = """
[general]
host = 0.0.0.0
port = 5000
actuator_plugins = k8s_replicas
metric_source_plugins = metric_source

[metric_source]
metric_source_endpoint =
username = usr
password = 50%psswrd
project_name = admin
auth_url =
api_version = 1_0

[k8s_replicas]
k8s_manifest = /home/user/.kube/config
"""

MONITOR = """
[general]
host = 0.0.0.0
port = 5001
plugins = kubejobs
debug = True
retries = 7

[kubejobs]
# No variables are needed
"""


def written(folder: Path, controller: str = "", monitor: str = "") -> Path:
    """The folder with the two files."""
    (folder / "controller.cfg").write_text(controller, encoding="utf-8")
    (folder / "monitor.cfg").write_text(monitor, encoding="utf-8")
    return folder


def test_the_documents_files_are_read(tmp_path: Path) -> None:
    """The documents' own examples mean what they say."""
    defaults = read_defaults(written(tmp_path, CONTROLLER, MONITOR))
    assert defaults == Defaults(
        actuators=("k8s_replicas",),
        metric_sources=("redis",),
        kubeconfig="/home/user/.kube/config",
        monitor_retries=7,
        debug=True,
    )
    assert "psswrd" not in repr(defaults)
    assert parse_submission(DOCUMENTS, defaults).scaling.metric_source == "redis"


def test_missing_files_mean_the_products_defaults(tmp_path: Path) -> None:
    """No folder, no file and an empty file are all fine."""
    assert read_defaults(tmp_path / "nowhere") == Defaults()
    assert read_defaults(written(tmp_path)) == Defaults()


def test_a_deployment_may_set_fields(tmp_path: Path) -> None:
    """[kubejobs] sets defaults by flat names; monitor.cfg counts over controller.cfg."""
    controller = (
        "[kubejobs]\nmax_replicas = 20\nnamespace = batch\nexpected_time = 1\nhold_when_nothing_queued = True\n"
    )
    defaults = read_defaults(written(tmp_path, controller, "[kubejobs]\nexpected_time = 600\n"))
    submission = parse_submission({"image": "i", "items": ["a"]}, defaults)
    assert submission.scaling.max_replicas == 20
    assert submission.scaling.hold_when_nothing_queued is True
    assert (submission.namespace, submission.expected_time) == ("batch", 600)


WRONG = {
    "unknown actuator": ("[general]\nactuator_plugins = kvm\n", r"\[general\] actuator_plugins names 'kvm'"),
    "unknown source": ("[general]\nmetric_source_plugins = monasca\n", "names 'monasca'; known here: redis"),
    "port": ("[general]\nport = http\n", r"\[general\] port is 'http'"),
    "unknown field": ("[kubejobs]\nmax_replica = 3\n", r"\[kubejobs\] max_replica .*did you mean max_replicas"),
    "field of a list": ("[kubejobs]\ncommand = x\n", r"\[kubejobs\] command is no field with a default"),
    "wrong type": ("[kubejobs]\nmax_replicas = many\n", r"\[kubejobs\] max_replicas is \"many\"; it must be a whole"),
    "out of range": ("[kubejobs]\ncheck_interval = 0\n", "a number greater than 0"),
    "against each other": (
        "[kubejobs]\nmin_replicas = 5\nmax_replicas = 4\n",
        r"\[kubejobs\] min_replicas is 5, more than max_replicas \(4\)",
    ),
    "misspelt section": ("[kubejob]\nmax_replicas = 3\n", r"\[kubejob\] is no section .*did you mean \[kubejobs\]"),
    "no section": ("password = secret\n", "line 1: the first line must be a section"),
    "no key": ("[general]\nsecret secret\n", "line 2: is not in the form"),
    "key twice": ("[general]\nport = 1\nport = 2\n", "line 3: a key is there twice"),
    "section twice": ("[general]\n[general]\n", "line 2: a section is there twice"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_named_with_section_and_key(tmp_path: Path, text: str, words: str) -> None:
    """Each mistake names the file and what would be right, and never repeats a line."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_defaults(written(tmp_path, controller=text))
    assert "controller.cfg" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [("[general]\nretries = -1\n", "retries is '-1'"), ("[general]\ndebug = perhaps\n", "debug is 'perhaps'")],
    ids=["retries", "debug"],
)
def test_monitor_values_are_checked(tmp_path: Path, text: str, words: str) -> None:
    """The monitor's own keys are checked too."""
    with pytest.raises(ConfigurationError, match=words):
        read_defaults(written(tmp_path, monitor=text))


def test_an_undecodable_file_is_a_configuration_error(tmp_path: Path) -> None:
    """A file that is not UTF-8 is named."""
    (tmp_path / "controller.cfg").write_bytes(b"[general]\nhost = \xff\n")
    with pytest.raises(ConfigurationError, match=r"controller\.cfg can't be read"):
        read_defaults(tmp_path)


def test_the_shipped_files_are_valid() -> None:
    """The files of the repository enable what they say."""
    defaults = read_defaults(REPOSITORY / "include" / "configs")
    assert defaults.actuators == ("k8s_replicas", "nop")
    assert defaults.fields == {}
