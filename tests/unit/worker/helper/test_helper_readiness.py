"""The port of the readiness probe."""

import select
import socket
from collections.abc import Callable, Iterator

import pytest

from kubejobs.worker.helper.readiness import Readiness

Answers = Callable[[int], bool]


@pytest.fixture
def readiness(ready_port: int) -> Iterator[Readiness]:
    """A process' end of it."""
    readiness = Readiness("127.0.0.1", ready_port)
    yield readiness
    readiness.close()


def test_the_port_is_open_while_ready(readiness: Readiness, ready_port: int, answers: Answers) -> None:
    """It opens, closes, and opens again."""
    seen = [answers(ready_port)]
    for ready in (True, False, True):
        readiness.set(ready=ready)
        seen.append(answers(ready_port))
    assert seen == [False, True, False, True]


def test_probes_are_accepted_and_closed(readiness: Readiness, ready_port: int) -> None:
    """More of them than the system would keep waiting."""
    readiness.set(ready=True)
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", ready_port), timeout=5) as probe:
            select.select([readiness.fileno()], [], [], 5)
            readiness.answer()
            assert probe.recv(1) == b""


def test_processes_of_a_pod_share_the_port(readiness: Readiness, ready_port: int, answers: Answers) -> None:
    """It is closed only when both have closed it."""
    other = Readiness("127.0.0.1", ready_port)
    for each in (readiness, other):
        each.set(ready=True)
    readiness.set(ready=False)
    assert answers(ready_port)
    other.set(ready=False)
    assert not answers(ready_port)


def test_a_port_that_can_not_be_had_is_tried_again(
    readiness: Readiness, ready_port: int, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said once, and the worker goes on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ready_port))
        taken.listen()
        readiness.set(ready=True)
        readiness.set(ready=True)
        assert readiness.fileno() == -1
    assert capsys.readouterr().err.count(f"127.0.0.1:{ready_port}") == 1
    readiness.set(ready=True)
    assert answers(ready_port)
