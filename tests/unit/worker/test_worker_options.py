"""The runner's command line."""

import pytest

from kubejobs.worker.options import RunnerOptions, parsed


def test_a_command_is_enough() -> None:
    """Everything else has a default."""
    assert parsed(["--", "run", "--fast", "{item}"]) == RunnerOptions(("run", "--fast", "{item}"))


def test_every_option_is_read() -> None:
    """Up to the command, whose own options are not the runner's."""
    words = (
        "--timeout 1.5 --fail-code 3 --fail-code 4 --result --on-sigterm pass --concurrency 8 --lines -- run --lines"
    )
    assert parsed(words.split()) == RunnerOptions(
        ("run", "--lines"),
        timeout_seconds=1.5,
        fail_codes=frozenset({3, 4}),
        keeps_result=True,
        passes_sigterm=True,
        concurrency=8,
        lines=True,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "CMD {item}", id="no command"),
        pytest.param(["--timeout", "0", "--", "run"], "above 0", id="timeout"),
        pytest.param(["--timeout", "soon", "--", "run"], "timeout", id="timeout's word"),
        pytest.param(["--concurrency", "0", "--", "run"], "from 1 to 256", id="concurrency"),
        pytest.param(["--on-sigterm", "ignore", "--", "run"], "on-sigterm", id="choice"),
    ],
)
def test_what_can_not_be_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    """The program ends with 2."""
    with pytest.raises(SystemExit) as caught:
        parsed(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err
