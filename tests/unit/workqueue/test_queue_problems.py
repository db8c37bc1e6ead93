"""What a server's errors mean, whichever client met them."""

import pytest
from redis._parsers.base import BaseParser

from kubejobs.errors import QueueError, QueueUnavailableError
from kubejobs.workqueue.connection import translated
from kubejobs.workqueue.problems import code_of, problem
from kubejobs.workqueue.resp import ReplyError

WITHIN = "ERR Error running script (call to f_1): @user_script:12: "


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        pytest.param("WRONGPASS invalid pair", QueueError, "check the Secret", id="password"),
        pytest.param("NOAUTH Authentication required.", QueueError, "check the Secret", id="no password"),
        pytest.param("NOPERM this user has no permissions", QueueError, "check the Secret", id="permission"),
        pytest.param("LOADING the dataset", QueueUnavailableError, "does not answer", id="loading"),
        pytest.param("MISCONF errors writing", QueueUnavailableError, "does not answer", id="disk full"),
        pytest.param("BUSY a script", QueueUnavailableError, "does not answer", id="busy"),
        pytest.param("NOREPLICAS Not enough", QueueUnavailableError, "does not answer", id="replicas"),
        pytest.param("READONLY a replica", QueueUnavailableError, "does not answer", id="replica"),
        pytest.param("TRYAGAIN soon", QueueUnavailableError, "does not answer", id="again"),
        pytest.param("MASTERDOWN Link is down", QueueUnavailableError, "does not answer", id="master"),
        pytest.param("ERR max number of clients reached", QueueUnavailableError, "does not answer", id="full"),
        pytest.param("OOM command not allowed", QueueError, "out of memory", id="memory"),
        pytest.param("WRONGTYPE Operation against a key", QueueError, "refuses a command", id="other"),
        pytest.param("BUSYKEY Target name exists", QueueError, "refuses a command", id="begins like another"),
    ],
)
def test_both_clients_say_the_same(said: str, kind: type[QueueError], words: str) -> None:
    """Of the same error of a server: the same type, and the same words but for the client's own."""
    ours = problem(error := ReplyError(said), code_of(error), "h:1", "the Secret")
    theirs = translated(BaseParser.parse_error(said), "h:1", "the Secret")
    for one in (ours, theirs):
        assert type(one) is kind
        assert words in str(one)
    assert str(ours).partition(" (")[0] == str(theirs).partition(" (")[0]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(ConnectionResetError("gone"), "", id="socket"),
        pytest.param(TimeoutError("timed out"), "", id="time"),
        pytest.param(ReplyError("ERR Protocol error: unauthenticated multibulk length"), "NOAUTH", id="long, no login"),
        pytest.param(ReplyError(f"{WITHIN}-MISCONF Redis is configured to"), "MISCONF", id="within a script"),
        pytest.param(ReplyError(f"{WITHIN} attempt to index a nil value"), "ERR", id="a script's own"),
    ],
)
def test_an_error_s_code_is_its_first_word(error: OSError | ReplyError, code: str) -> None:
    """Also of a command's error that older servers wrap in the script's; none where no server spoke."""
    assert code_of(error) == code
