"""The installed ``endcap`` command, which benchmarks start as a user would, and ending like it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from runtime.cli_options import say
from runtime.errors import EndcapError

ENDCAP = str(Path(sys.executable).with_name("endcap"))


def ending_plainly(main: Callable[[], object]) -> None:
    """Run a benchmark; what it raises of ours ends it with one sentence and its exit code."""
    try:
        main()
    except EndcapError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
