"""Items and the bounded record of their errors."""

import json

import pytest

from kubejobs.errors import QueueError
from kubejobs.worker.item import Item, error_record
from kubejobs.workqueue.leasing import Ending


def test_an_item_is_its_line() -> None:
    """It reads as the line it was in the workload."""
    item = Item("a b", 2)
    assert (str(item), item.value, item.attempt) == ("a b", "a b", 2)
    assert not item.ended


def test_a_result_is_kept_with_its_item() -> None:
    """It is stored as the pair of both."""
    item = Item("a")
    item.result({"n": 1})
    assert (item.ending, item.text) == (Ending.RESULT, '["a",{"n":1}]')


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(object(), "is not JSON", id="not JSON"),
        pytest.param(float("nan"), "is not JSON", id="not a number"),
        pytest.param("x" * 20_000, "store it elsewhere", id="too large"),
    ],
)
def test_a_result_that_can_not_be_kept_is_refused(value: object, words: str) -> None:
    """The message says why, and the item is as it was."""
    item = Item("a")
    with pytest.raises(QueueError, match=words):
        item.result(value)
    assert not item.ended


@pytest.mark.parametrize(("retry", "ending"), [(True, Ending.RETRY), (False, Ending.FAIL)])
def test_a_failure_says_whether_to_try_again(retry: bool, ending: Ending) -> None:
    """The last word counts: a failure after a result is a failure."""
    item = Item("a")
    item.result(1)
    item.fail(ValueError("bad"), retry=retry)
    assert item.ending is ending
    assert json.loads(item.text)["type"] == "ValueError"


def test_a_released_item_carries_nothing() -> None:
    """It is as if it had not been started."""
    item = Item("a")
    item.release()
    assert (item.ending, item.text) == (Ending.RETURN, "")


def test_an_error_s_record_is_bounded() -> None:
    """However long the message and the traceback are, about 2 KB are kept, of the traceback the end."""

    def deep(depth: int) -> None:
        if depth == 0:
            raise ValueError("m" * 10_000)
        deep(depth - 1)

    try:
        deep(200)
    except ValueError as error:
        record = error_record(error, tail="first" + "x" * 5000 + "last")
    assert len(record) < 2100
    assert json.loads(record)["traceback"].endswith("last")


def test_a_word_is_an_error_too() -> None:
    """A failure may be said in a sentence."""
    assert json.loads(error_record("out of paper")) == {
        "type": "Error",
        "message": "out of paper",
        "seconds": 0.0,
        "traceback": "",
    }


def test_an_error_may_be_named_and_timed() -> None:
    """By the reason that is known better than the exception's type, and by how long the item had run."""
    record = json.loads(error_record(ValueError("gone"), kind="OOMKilled", seconds=1.23456))
    assert (record["type"], record["message"], record["seconds"]) == ("OOMKilled", "gone", 1.235)
