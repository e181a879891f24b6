"""endcap's server without micro-batching: every request runs the graph alone.

python -m benchmarks.serving.one_at_a_time serve BUNDLE …    (as endcap serve)
"""

from __future__ import annotations

import sys

from runtime.cli import main
from runtime.serve import lane

if __name__ == "__main__":
    lane.MAX_ROWS = 1
    sys.exit(main())
