"""Soak: 200,000 mixed requests; no error, and memory that stops growing.

python -m benchmarks.serving.soak [--bundle models/corner-store] [--count 200000]

The mix is that of ``shoppers.mixed``: baskets, similar items, pictures, searches, stock, events,
metrics. Memory is looked at after every fortieth part; growth counts from 20,000 requests on.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.serving.load import Load, run_load
from benchmarks.serving.servers import endcap, free_port, running
from benchmarks.serving.shoppers import mixed
from runtime.store import load

_PARTS = 40
_GOAL_PERCENT = 2.0


@click.command()
@click.option("--bundle", default="models/corner-store", show_default=True)
@click.option("--count", default=200_000, show_default=True)
@click.option("--clients", default=16, show_default=True)
@click.option("--server-core", default=0, show_default=True)
@click.option("--load-core", default=1, show_default=True)
def main(bundle: str, count: int, clients: int, server_core: int, load_core: int) -> None:
    """Print errors and the growth of memory."""
    asked = mixed(load(bundle, "cpu", threads=1))
    with tempfile.TemporaryDirectory() as folder:
        options = ["--threads", "1", "--poll", "0", "--events", str(Path(folder) / "events.db")]
        command = endcap(bundle, *options)
        with running(command, "/v2/health/ready", free_port(), server_core) as server:
            statuses: dict[str, int] = {}
            memory_mb, took_s = [], 0.0
            for part in range(_PARTS):
                turned = part * len(asked) // _PARTS
                one = Load(
                    server.host, server.port, [*asked[turned:], *asked[:turned]], clients,
                    count=count // _PARTS,
                )  # fmt: skip
                outcome = run_load(one, load_core)
                for status, n in outcome.statuses.items():
                    statuses[status] = statuses.get(status, 0) + n
                took_s += outcome.duration_s
                memory_mb.append(server.memory_mb)
    settled = memory_mb[_PARTS // 10 - 1]
    growth = (memory_mb[-1] / settled - 1) * 100
    print(
        f"{sum(statuses.values()):,} requests by {clients} clients in {took_s / 60:.1f} minutes: "
        f"{statuses}"
    )
    print(
        f"memory {settled:.1f} MB after {count // 10:,}, {memory_mb[-1]:.1f} MB at the end, "
        f"largest {max(memory_mb):.1f} MB: growth {growth:.2f} %"
    )
    held = set(statuses) == {"200"} and growth < _GOAL_PERCENT
    print(f"goal: no error, growth under {_GOAL_PERCENT:g} %: {'met' if held else 'NOT met'}")


if __name__ == "__main__":
    main()
