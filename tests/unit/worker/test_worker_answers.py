"""What a command in the mode "lines" may answer."""

import pytest

from kubejobs.worker.answers import Answer, answer_of


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        pytest.param("", Answer(), id="done"),
        pytest.param("42 apples", Answer("42 apples"), id="result"),
        pytest.param("!retry not yet", Answer(failure="not yet"), id="retry"),
        pytest.param("!fail no such file", Answer(failure="no such file", retry=False), id="fail"),
        pytest.param(
            "!fail", Answer(failure="the command reported a failure without a message", retry=False), id="bare"
        ),
        pytest.param("!failed", Answer("!failed"), id="another word"),
        pytest.param(" !fail", Answer(" !fail"), id="not at the start"),
    ],
)
def test_an_answer_is_a_result_or_a_failure(line: str, answer: Answer) -> None:
    """Only the two words at its very start make it one."""
    assert answer_of(line) == answer
