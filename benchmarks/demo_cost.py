"""Wall time and peak memory of ``endcap demo`` as a whole process.

python -m benchmarks.demo_cost
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.command import ENDCAP


def main() -> None:
    """Run the demo once in a temporary folder and print what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run([ENDCAP, "demo", "--out", str(Path(folder) / "demo")], check=True)
        wall_s = time.perf_counter() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"endcap demo: {wall_s:.0f} s wall, {peak_bytes / 1e9:.2f} GB peak memory")


if __name__ == "__main__":
    main()
