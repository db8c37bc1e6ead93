"""A worker of the client library that writes down, apart from the queue, when it starts and ends each item.

    python worker_program.py LOG

An item is `<number> <milliseconds>`, or `<number> <milliseconds> poison` for one that kills its worker.
Rule: a line is one write to a file, so it is there whatever happens to this process afterwards.
"""

import os
import signal
import sys
import time

from kubejobs.worker import connect


def main() -> None:
    """Work items off until there are none; each sleeps for its time."""
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(what: str, text: str) -> None:
        os.write(log, f"{what} {time.monotonic():.6f} {text}\n".encode())

    with connect() as queue:
        for item in queue.items():
            number, milliseconds, *rest = item.value.split()
            note("start", number)
            if rest == ["poison"]:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(float(milliseconds) / 1000)
            note("end", number)
            if queue.expired:
                note("late", str(queue.expired))
        note("left", str(queue.expired))


if __name__ == "__main__":
    main()
