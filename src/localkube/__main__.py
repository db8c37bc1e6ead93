"""`python -m localkube`."""

from __future__ import annotations

import sys

from localkube.main import main

sys.exit(main())
