"""Start the worker: `python -m source_metrics` with examples/ on the path, or `python examples/source_metrics`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from source_metrics.worker import main  # found by the line above

if __name__ == "__main__":
    sys.exit(main())
