"""Overload: ten times as much as it can do, for a minute; then it serves as before.

python -m benchmarks.serving.overload [--bundle models/online-retail] [--seconds 60]

Capacity is what 32 clients get answered, asking as fast as they are answered. Then requests are
begun at ten times that rate over 400 connections, whatever comes back; what no connection was free
for is said. Recovery is the first second after it.
"""

from __future__ import annotations

import click

from benchmarks.serving.load import Load, Outcome, run_load
from benchmarks.serving.servers import endcap, free_port, running
from benchmarks.serving.shoppers import recommends
from runtime.store import load

_TIMES = 10
_CLIENTS = 32
_GOAL_P99_MS = 250.0


def _line(name: str, outcome: Outcome) -> str:
    sent = sum(outcome.statuses.values())
    return (
        f"{name:10} {sent / outcome.duration_s:8,.0f} sent a second, {outcome.per_second:7,.0f} "
        f"answered 200, p50 {outcome.p50_ms:.1f} ms, p99 {outcome.p99_ms:.1f} ms, "
        f"{outcome.statuses}"
    )


@click.command()
@click.option("--bundle", default="models/online-retail", show_default=True)
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--connections", default=400, show_default=True)
@click.option("--server-core", default=0, show_default=True)
@click.option("--load-core", default=1, show_default=True)
def main(bundle: str, seconds: float, connections: int, server_core: int, load_core: int) -> None:
    """Print what was answered before, during and after."""
    asked = recommends(load(bundle, "cpu", threads=1), k=10)
    command = endcap(bundle, "--threads", "1", "--poll", "0")
    with running(command, "/v2/health/ready", free_port(), server_core) as server:
        place = (server.host, server.port, asked)
        run_load(Load(*place, _CLIENTS, count=500), load_core)
        before = run_load(Load(*place, _CLIENTS, seconds=5), load_core)
        rate = _TIMES * before.per_second
        during = run_load(Load(*place, connections, seconds=seconds, rate=rate), load_core)
        after = run_load(Load(*place, _CLIENTS, seconds=1), load_core)
    for name, outcome in (("capacity", before), ("overload", during), ("recovery", after)):
        print(_line(name, outcome))
    print(
        f"overload: {rate:,.0f} a second were due; {during.unsent:,} of them found no connection "
        "free"
    )
    held = set(during.statuses) <= {"200", "503"} and during.p99_ms < _GOAL_P99_MS
    print(
        f"goal: only 200 and 503, p99 of the accepted under {_GOAL_P99_MS:.0f} ms: "
        + ("met" if held else "NOT met")
    )
    recovered = after.failed == 0 and after.per_second > before.per_second / 2
    print(f"goal: recovers at once: {'met' if recovered else 'NOT met'}")


if __name__ == "__main__":
    main()
