"""What HTTP adds: p50 of POST /v1/recommend with one client over p50 of the library's call.

python -m benchmarks.serving.overhead [--bundle models/online-retail] [--rounds 9] [--count 300]

Rounds of both take turns. The library's call is timed in a process of its own on the server's core,
with as many threads as the server has.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

import click

from benchmarks.serving.load import Load, run_load
from benchmarks.serving.servers import endcap, free_port, running
from benchmarks.serving.shoppers import baskets, recommends
from runtime.store import load

_GOAL_MS = 1.0


def library_ms(bundle: str, count: int, core: int, *, reasons: bool) -> float:
    """Return the median of ``count`` calls in a fresh process on ``core``."""
    spec = json.dumps({"bundle": bundle, "count": count, "core": core, "reasons": reasons})
    command = [sys.executable, "-m", "benchmarks.serving.overhead", "--library", spec]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _time_library(bundle: str, count: int, core: int, *, reasons: bool) -> None:
    os.sched_setaffinity(0, {core})
    store = load(bundle, "cpu", threads=1)
    asked = baskets(store)
    taken_s = []
    for n in range(count + 20):  # the first are not counted
        begun_s = time.perf_counter()
        store.recommend(basket=asked[n % len(asked)], k=10, reasons=reasons)
        taken_s.append(time.perf_counter() - begun_s)
    print(statistics.median(taken_s[20:]) * 1000)


@click.command()
@click.option("--bundle", default="models/online-retail", show_default=True)
@click.option("--rounds", default=9, show_default=True)
@click.option("--count", default=300, show_default=True, help="Requests of a round.")
@click.option("--server-core", default=0, show_default=True)
@click.option("--load-core", default=1, show_default=True)
@click.option("--library", hidden=True, help="Time the library's call, as this JSON says.")
def main(
    bundle: str, rounds: int, count: int, server_core: int, load_core: int, library: str | None
) -> None:
    """Print both medians and their difference, with and without reasons."""
    if library is not None:
        _time_library(**json.loads(library))
        return
    store = load(bundle, "cpu", threads=1)
    command = endcap(bundle, "--threads", "1", "--poll", "0")
    with running(command, "/v2/health/ready", free_port(), server_core) as server:
        for reasons in (True, False):
            asked = recommends(store, k=10, reasons=reasons)
            http_ms, call_ms = [], []
            for _ in range(rounds):
                one = Load(server.host, server.port, asked, 1, count=count)
                http_ms.append(run_load(one, load_core).p50_ms)
                call_ms.append(library_ms(bundle, count, server_core, reasons=reasons))
            over = [a - b for a, b in zip(http_ms, call_ms, strict=True)]
            middle = statistics.median(over)
            print(
                f"reasons {'on ' if reasons else 'off'}: HTTP p50 {statistics.median(http_ms):.3f} "
                f"ms, library {statistics.median(call_ms):.3f} ms, overhead {middle:.3f} ms "
                f"({min(over):.3f} to {max(over):.3f}); goal under {_GOAL_MS:g} ms: "
                + ("met" if middle < _GOAL_MS else "NOT met")
            )


if __name__ == "__main__":
    main()
