"""For tests of programs that use KubeJobs: a run's queue in memory, on a clock that is moved by hand.

Rule: no server, no process, no waiting; the same behaviour as the real queue, held to it by one contract suite.

    from kubejobs.testing import work

    def test_lines_are_counted():
        assert work(count_lines, ["a.txt", "b.txt"]).results == {"a.txt": 3, "b.txt": 5}
"""

from kubejobs.testing.clock import ManualClock
from kubejobs.testing.queue import MemoryQueue
from kubejobs.testing.working import Worked, WorkerDied, run_worker, work

__all__ = ["ManualClock", "MemoryQueue", "Worked", "WorkerDied", "run_worker", "work"]
