"""The installed ``endcap`` command, for benchmarks that start it as a user would."""

from __future__ import annotations

import sys
from pathlib import Path

ENDCAP = str(Path(sys.executable).with_name("endcap"))
