"""`kubejobs-worker -- CMD {item}`: any program as a worker, one run of it per item or one line to it.

Rule: exit code 0 says that the run has nothing left to do (or was stopped); see options.EXIT_CODES.
"""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Sequence

from kubejobs.errors import ConfigurationError, QueueError, QueueLostError, QueueUnavailableError
from kubejobs.worker.options import parsed
from kubejobs.worker.runner import Runner
from kubejobs.worker.session import SIGTERM_EXIT_CODE
from kubejobs.worker.settings import WorkerSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Work items off with a command until there are none; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s kubejobs-worker %(message)s")
    options = parsed(arguments)
    program = options.command[0]
    if shutil.which(program) is None:
        return _complain(127, f"the command {program!r} does not exist in this image or is not executable")
    try:
        return Runner(options, WorkerSettings.from_environment()).run()
    except ConfigurationError as error:
        return _complain(2, str(error))
    except QueueLostError as error:
        return _complain(3, str(error))
    except QueueUnavailableError as error:
        # Raised after a SIGTERM alone: otherwise a server that does not answer is waited for.
        return _complain(SIGTERM_EXIT_CODE, f"the last lease was not settled and will expire: {error}")
    except QueueError as error:
        return _complain(4, str(error))


def _complain(exit_code: int, message: str) -> int:
    sys.stderr.write(f"kubejobs-worker: {message}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
