"""Cold start: process start to printed answer of ``endcap recommend``, beside ``import torch``.

python -m benchmarks.cold_start [--rounds 11]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import click

from benchmarks.command import ENDCAP

COMMANDS = {
    "endcap recommend": [
        *(ENDCAP, "recommend", "models/online-retail"),
        *("--basket", "85123A,71053", "-k", "5", "--json"),
    ],
    "import torch": [sys.executable, "-c", "import torch"],
    "import numpy, onnxruntime": [sys.executable, "-c", "import numpy, onnxruntime"],
}


def wall_s(command: list[str]) -> float:
    """Run a command and return its wall time, process start included."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


@click.command()
@click.option("--rounds", default=11, show_default=True, help="Interleaved runs of each command.")
def main(rounds: int) -> None:
    """Print the median wall time of each command and its ratio to ``import torch``."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        wall_s(command)  # fills the page cache
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            times[name].append(wall_s(command))
    torch_s = statistics.median(times["import torch"])
    for name, found in times.items():
        median = statistics.median(found)
        spread = f"{min(found) * 1000:.0f} to {max(found) * 1000:.0f}"
        print(
            f"{name:26} median {median * 1000:6.0f} ms ({spread}), "
            f"{median / torch_s:.3f} of import torch"
        )


if __name__ == "__main__":
    main()
