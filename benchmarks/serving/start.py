"""Start: from the process's start until it is ready, and what it holds in memory when idle.

python -m benchmarks.serving.start [--bundle models/online-retail …] [--rounds 7]
"""

from __future__ import annotations

import statistics
import time

import click

from benchmarks.serving.servers import endcap, free_port, running

_GOAL_S, _GOAL_MB = 1.0, 150.0


@click.command()
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    default=("models/online-retail", "models/corner-store"),
    show_default=True,
)
@click.option("--rounds", default=7, show_default=True)
@click.option("--server-core", default=0, show_default=True)
def main(bundles: tuple[str, ...], rounds: int, server_core: int) -> None:
    """Print the medians of each bundle."""
    for bundle in bundles:
        ready_s, memory_mb = [], []
        for _ in range(rounds):
            command = endcap(bundle, "--threads", "1")
            with running(command, "/v2/health/ready", free_port(), server_core) as server:
                ready_s.append(server.ready_s)
                time.sleep(0.5)
                memory_mb.append(server.memory_mb)
        start_s, idle_mb = statistics.median(ready_s), statistics.median(memory_mb)
        held = start_s < _GOAL_S and idle_mb < _GOAL_MB
        print(
            f"{bundle}: ready after {start_s:.2f} s ({min(ready_s):.2f} to {max(ready_s):.2f}), "
            f"{idle_mb:.0f} MB idle; goal under {_GOAL_S:g} s and {_GOAL_MB:g} MB: "
            + ("met" if held else "NOT met")
        )


if __name__ == "__main__":
    main()
