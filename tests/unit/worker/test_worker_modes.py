"""How items fare with a long-lived command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubejobs.worker.item import Item
from kubejobs.worker.modes import LONGEST_RESTART_SECONDS, LinesMode
from kubejobs.worker.options import RunnerOptions
from kubejobs.workqueue.leasing import Ending

ECHO = "while read x; do echo $x; done"


class Session:
    """Whether it is stopping, and the pauses that were made."""

    def __init__(self) -> None:
        self.stopping = False
        self.stops_in_pause = False
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Make a pause without waiting."""
        self.pauses.append(seconds)
        self.stopping = self.stops_in_pause


Make = Callable[..., LinesMode]


@pytest.fixture
def session() -> Session:
    """The session that the mode belongs to."""
    return Session()


@pytest.fixture
def make(session: Session) -> Iterator[Make]:
    """Makes modes over a shell program, ended with the test."""
    modes: list[LinesMode] = []

    def mode(script: str, **options: object) -> LinesMode:
        made = LinesMode(
            RunnerOptions(("sh", "-c", script), lines=True, **options), lambda: session.stopping, session.sleep
        )
        modes.append(made)
        return made

    yield mode
    for made in modes:
        made.close()


def worked(mode: LinesMode, line: str = "a") -> Item:
    """An item that was worked on."""
    item = Item(line)
    mode.work_on(item)
    return item


@pytest.mark.parametrize(("keeps", "ending"), [(True, Ending.RESULT), (False, Ending.DONE)])
def test_an_answer_is_the_result_where_it_is_wanted(make: Make, keeps: bool, ending: Ending) -> None:
    """An empty one is none."""
    mode = make(ECHO, keeps_result=keeps)
    assert (worked(mode).ending, worked(mode, " ").ending) == (ending, Ending.DONE)


@pytest.mark.parametrize(("word", "ending"), [("!retry", Ending.RETRY), ("!fail", Ending.FAIL)])
def test_an_answer_may_be_a_failure(make: Make, word: str, ending: Ending) -> None:
    """With its message; the command goes on."""
    mode = make("while read x; do echo $$ $x; done | sed -u 's/^[0-9]* !/!/'", keeps_result=True)
    failed = worked(mode, f"{word} no paper")
    assert (failed.ending, json.loads(failed.text)["message"]) == (ending, "no paper")
    assert worked(mode).ending is Ending.RESULT


@pytest.mark.parametrize(("codes", "ending"), [({}, Ending.RETRY), ({7}, Ending.FAIL)], ids=["retried", "for good"])
def test_a_command_that_dies_fails_its_item_and_is_started_again(
    make: Make, session: Session, codes: set[int], ending: Ending
) -> None:
    """After a short pause; the exit code says whether to try again."""
    mode = make('while read x; do [ "$x" = bad ] && exit 7; echo $x; done', fail_codes=frozenset(codes))
    assert [worked(mode, line).ending for line in ("a", "bad", "b")] == [Ending.DONE, ending, Ending.DONE]
    assert session.pauses == [0.1]


def test_pauses_grow_and_are_bounded(make: Make, session: Session) -> None:
    """A command that can't start at all does not spin; one that answered begins anew."""
    mode = make("exit 1")
    lengths = []
    for _ in range(10):
        session.pauses.clear()
        worked(mode)
        lengths.append(round(sum(session.pauses), 3))
    assert lengths == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_RESTART_SECONDS, LONGEST_RESTART_SECONDS]


def test_a_command_that_ends_between_items_is_nobody_s_failure(make: Make, session: Session) -> None:
    """It is started again at once: programs may limit what they do in one life."""
    mode = make("read x; echo $x")
    endings = []
    for _ in range(3):
        endings.append(worked(mode).ending)
        assert mode._program
        mode._program._process.wait(20)
    assert (endings, session.pauses) == ([Ending.DONE] * 3, [])


def test_a_stop_in_a_pause_gives_the_item_back(make: Make, session: Session) -> None:
    """It was not started."""
    mode = make("exit 1")
    worked(mode)
    session.stops_in_pause = True
    assert worked(mode).ending is Ending.RETURN


def test_a_command_that_can_not_be_started_fails_its_item(session: Session) -> None:
    """The reason is kept."""
    mode = LinesMode(RunnerOptions(("/no/such/program",), lines=True), lambda: False, session.sleep)
    assert "FileNotFoundError" in worked(mode).text


@pytest.mark.parametrize(("passes", "ending"), [(True, Ending.RETURN), (False, Ending.RETRY)], ids=["passed", "kept"])
def test_the_end_by_a_passed_sigterm_is_no_failure(
    make: Make, session: Session, tmp_path: Path, passes: bool, ending: Ending
) -> None:
    """Its item is given back uncounted."""
    mode = make(f"read x; touch {tmp_path}/asked; exit 143", passes_sigterm=passes)
    session.stopping = False
    mode._running()
    session.stopping = True
    assert worked(mode).ending is ending


def test_a_sigterm_that_comes_before_the_command_is_not_lost(make: Make, session: Session) -> None:
    """It may arrive while the command is being started."""
    mode = make("exec sleep 600", passes_sigterm=True)
    mode.pass_sigterm()
    program = mode._running()
    session.stopping = True
    assert program
    assert program._process.wait(20) == -15
