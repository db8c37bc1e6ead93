"""The supervisor with real processes: whatever happens to whom, nobody is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from devstack.errors import StackError
from devstack.interruption import Interruption
from devstack.layout import REPOSITORY, Layout
from devstack.part import Part
from devstack.private_file import read_json, write_private
from devstack.processes import Process
from devstack.stack import Stack, end_leftovers, is_running, stop_running

MakePart = Callable[..., Part]
WaitFor = Callable[[Callable[[], object], str], None]
ReadPid = Callable[[str], Process]

WRITE_PID = "(state / '{0}.pid').write_text(str(os.getpid()))\n"
SLEEPER = WRITE_PID + "time.sleep(600)"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER
# The grandchild leaves its parent's session and group, and its parent ends: only a subreaper still finds it.
RUNAWAY_PARENT = (
    """
child = "import os, time; open({path!r}, 'w').write(str(os.getpid())); time.sleep(600)"
subprocess.Popen([sys.executable, '-S', '-c', child.format(path=str(state / 'runaway.pid'))], start_new_session=True)
"""
    + SLEEPER
)


@pytest.fixture
def started(layout: Layout) -> Iterator[Callable[..., Stack]]:
    """A maker of running stacks; each is stopped at the end."""
    stacks = []

    def start(*parts: Part) -> Stack:
        stacks.append(Stack.start(layout, parts, Interruption()))
        return stacks[-1]

    yield start
    for stack in stacks:
        stack.stop()
    stop_running(layout)


def test_stopping_ends_every_part(layout: Layout, part: MakePart, pids: ReadPid, started: Callable[..., Stack]) -> None:
    """Parts that end when asked to are gone when stop returns, and so are their records."""
    stack = started(part("one", SLEEPER.format("one")), part("two", SLEEPER.format("two")))
    processes = [pids("one"), pids("two")]
    stack.stop()
    assert not any(process.alive for process in processes)
    assert not is_running(layout)
    assert not layout.processes.exists()
    assert not layout.plan.exists()


def test_a_stubborn_part_is_killed(part: MakePart, pids: ReadPid, started: Callable[..., Stack]) -> None:
    """A part that ignores SIGTERM is killed after its own time limit."""
    stack = started(part("stubborn", STUBBORN.format("stubborn"), stop_seconds=0.1))
    process = pids("stubborn")
    stack.stop()
    assert not process.alive


def test_a_runaway_grandchild_is_ended(
    part: MakePart, pids: ReadPid, started: Callable[..., Stack], wait_for: WaitFor
) -> None:
    """A grandchild in a session of its own, orphaned, is ended with the stack."""
    stack = started(part("parent", RUNAWAY_PARENT.replace("{0}", "parent")))
    runaway = pids("runaway")
    pids("parent").signal(signal.SIGKILL)
    wait_for(lambda: not is_running_after(stack), "the stack to end with its part")
    assert not runaway.alive


def is_running_after(stack: Stack) -> bool:
    """Whether the supervisor still runs."""
    try:
        stack.check()
    except StackError:
        return False
    return True


def test_a_part_that_dies_is_named(part: MakePart, started: Callable[..., Stack], wait_for: WaitFor) -> None:
    """When a part ends by itself the error has its name, its exit code and the end of its log."""
    stack = started(part("healthy", SLEEPER.format("healthy")), part("ill", "print('no more ink'); sys.exit(7)"))
    wait_for(lambda: not is_running_after(stack), "the stack to end with its part")
    with pytest.raises(StackError, match=r"ill ended unexpectedly with exit code 7(.|\n)*no more ink"):
        stack.check()


def test_a_job_comes_first(layout: Layout, part: MakePart, pids: ReadPid, started: Callable[..., Stack]) -> None:
    """A part that comes after a job starts when the job has ended well, and the job's end does not end the stack."""
    job = part("job", "(state / 'made').write_text('x')", once=True)
    needy = part("needy", "assert (state / 'made').exists()\n" + SLEEPER.format("needy"), after=("job",))
    started(needy, job)
    assert pids("needy").alive
    assert is_running(layout)


def test_a_failing_job_ends_the_stack(part: MakePart, started: Callable[..., Stack], wait_for: WaitFor) -> None:
    """What comes after a job that fails is never started."""
    stack = started(part("job", "sys.exit(1)", once=True), part("needy", SLEEPER.format("needy"), after=("job",)))
    wait_for(lambda: not is_running_after(stack), "the stack to end")
    with pytest.raises(StackError, match="job ended unexpectedly with exit code 1"):
        stack.check()


def test_a_detached_stack_stays_until_it_is_stopped(
    layout: Layout, part: MakePart, pids: ReadPid, started: Callable[..., Stack]
) -> None:
    """After detach, closing the pipe changes nothing; stop_running, from anywhere, ends it, and says if it did."""
    stack = started(part("one", SLEEPER.format("one")))
    process = pids("one")
    stack.detach()
    stack.stop()
    assert process.alive
    assert stop_running(layout)
    assert not process.alive
    assert not stop_running(layout)


def test_a_killed_supervisor_leaves_work_for_the_next_start(
    layout: Layout, part: MakePart, pids: ReadPid, started: Callable[..., Stack], wait_for: WaitFor
) -> None:
    """Parts that survive a kill -9 of the supervisor are ended by the next command that finds their record."""
    stack = started(part("stubborn", STUBBORN.format("stubborn")))
    process = pids("stubborn")
    Process(*read_json(layout.processes)["supervisor"]).signal(signal.SIGKILL)
    wait_for(lambda: not is_running(layout), "the supervisor's end")
    assert end_leftovers(layout) == 1
    assert not process.alive
    stack.stop()


def test_records_of_another_boot_are_not_believed(layout: Layout) -> None:
    """Process ids from before a reboot say nothing: nobody is ended by them."""
    me = Process.of(os.getpid())
    assert me is not None
    leader = [os.getsid(0), 0]
    write_private(layout.processes, {"boot": "another", "supervisor": [me.pid, me.started], "parts": {"a": leader}})
    assert end_leftovers(layout) == 0


def test_a_running_stack_is_not_started_twice(
    layout: Layout, part: MakePart, pids: ReadPid, started: Callable[..., Stack]
) -> None:
    """A second start in the same folder is refused and leaves the first one alone."""
    started(part("one", SLEEPER.format("one")))
    process = pids("one")
    with pytest.raises(StackError, match="make down"):
        Stack.start(layout, [part("two", SLEEPER.format("two"))], Interruption())
    assert process.alive


STARTER = """
import sys, time
from pathlib import Path
from devstack.interruption import Interrupted, Interruption
from devstack.layout import Layout
from devstack.part import Part
from devstack.stack import Stack
layout = Layout(state=Path(sys.argv[1]))
interruption = Interruption()
interruption.install()
code = "import os, time; open({0!r}, 'w').write(str(os.getpid())); time.sleep(600)"
code = code.format(str(layout.state / "one.pid"))
try:
    Stack.start(layout, [Part("one", (sys.executable, "-S", "-c", code), layout.logs / "one.log")], interruption)
    time.sleep(600)
except Interrupted as interrupted:
    sys.exit(interrupted.exit_code)
"""


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        pytest.param([signal.SIGINT], 130, id="Ctrl-C"),
        pytest.param([signal.SIGINT] * 3, 130, id="Ctrl-C, three times"),
        pytest.param([signal.SIGTERM], 143, id="SIGTERM"),
        pytest.param([signal.SIGHUP], 129, id="a closed terminal"),
        pytest.param([signal.SIGKILL], -9, id="kill -9"),
    ],
)
def test_however_the_command_ends_its_stack_ends(
    layout: Layout, pids: ReadPid, signals: list[signal.Signals], code: int, wait_for: WaitFor
) -> None:
    """A command that is interrupted returns when nobody is left; killed, it leaves the ending to the supervisor."""
    command = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(layout.state)], cwd=REPOSITORY, stderr=subprocess.DEVNULL
    )
    process = pids("one")
    for number in signals:
        command.send_signal(number)
    assert command.wait(20) == code
    if signal.SIGKILL in signals:
        wait_for(lambda: not is_running(layout), "the supervisor's end")
    assert not process.alive
    assert not is_running(layout)
