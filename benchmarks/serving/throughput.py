"""Requests a second with 32 clients, beside plain FastAPI apps and MLServer.

python -m benchmarks.serving.throughput [--bundle models/online-retail] [--rounds 5] [--seconds 5]
    [--mlserver PYTHON]

Servers take turns, each alone on its core. The plain apps, around the naive export and around our
own graph, run with ``def`` and ``async def`` endpoints; each peer's better one counts. Reasons are
off, since the peers give none, and stand beside as a row of their own; another is our server
without micro-batching. CPU ms is the server's processor time for one answer, which says more than
seconds where a core is shared. ``--mlserver`` names the Python of an environment with MLServer.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.serving.load import Load, Outcome, run_load
from benchmarks.serving.servers import endcap, free_port, running
from benchmarks.serving.shoppers import recommends, tensors
from runtime.store import Store, load

_P99_MS = 50.0
_BATCHING = "endcap, no reasons"
_ALONE = "endcap, one at a time"
_GOALS = (("naive export", 5.0), ("our graph", 1.5))


@dataclass
class Contender:
    """A server and what it was found to do.

    Attributes:
        name: for the table.
        command: starts it, but for its port.
        ready_path: answers 200 when it is ready.
        requests: what it is asked.
        found: an outcome a round, with the CPU milliseconds an answer.
    """

    name: str
    command: list[str]
    ready_path: str
    requests: list[bytes]
    found: list[tuple[Outcome, float]] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Median of answers a second."""
        return statistics.median(outcome.per_second for outcome, _ in self.found)

    @property
    def p99_ms(self) -> float:
        """Median of the 99th percentiles."""
        return statistics.median(outcome.p99_ms for outcome, _ in self.found)


def contenders(bundle: str, store: Store, mlserver: str | None) -> list[Contender]:
    """Return who takes part."""
    plain = [sys.executable, "-m", "benchmarks.serving.plain_app"]
    asked = recommends(store, "/recommend", k=10)
    ours = endcap(bundle, "--threads", "1", "--poll", "0")
    alone = [sys.executable, "-m", "benchmarks.serving.one_at_a_time", *ours[1:]]
    short, ready = recommends(store, k=10, reasons=False), "/v2/health/ready"
    found = [
        Contender(_BATCHING, ours, ready, short),
        Contender(_ALONE, alone, ready, short),
        Contender("endcap, reasons", ours, ready, recommends(store, k=10)),
        *(
            Contender(
                f"FastAPI {style}, {name}",
                [*plain, graph, bundle, "--style", style],
                "/docs",
                asked,
            )
            for graph, name in (("naive", "naive export"), ("ours", "our graph"))
            for style in ("def", "async def")
        ),
    ]
    if mlserver is not None:
        command = [mlserver, "-m", "benchmarks.serving.mlserver_app", bundle]
        found.append(Contender("MLServer, our graph", command, ready, tensors(store)))
    return found


def measure(one: Contender, clients: int, seconds: float, cores: tuple[int, int]) -> None:
    """Start the server, warm it up, and ask it for ``seconds``."""
    with running(one.command, one.ready_path, free_port(), cores[0]) as server:
        place = (server.host, server.port, one.requests, clients)
        run_load(Load(*place, count=20 * clients), cores[1])
        before_s = server.cpu_s
        outcome = run_load(Load(*place, seconds=seconds), cores[1])
        one.found.append((outcome, (server.cpu_s - before_s) / max(1, outcome.answered) * 1000))


def show(found: list[Contender]) -> None:
    """Print the table and the two ratios."""
    print(
        f"{'server':32} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8} {'failed':>7}"
    )
    for one in found:
        p50_ms = statistics.median(outcome.p50_ms for outcome, _ in one.found)
        cpu_ms = statistics.median(cpu for _, cpu in one.found)
        failed = sum(outcome.failed for outcome, _ in one.found)
        print(
            f"{one.name:32} {one.per_second:10,.0f} {p50_ms:8.2f} {one.p99_ms:8.2f} "
            f"{cpu_ms:8.3f} {failed:7}"
        )
    ours = found[0]
    for graph, goal in _GOALS:
        peers = [one for one in found if one.name.endswith(graph)]
        best = max(peers, key=lambda one: one.per_second)
        ratio = ours.per_second / best.per_second
        held = "met" if ratio >= goal and ours.p99_ms < _P99_MS else "NOT met"
        print(f"{ratio:.2f} times {best.name}; goal {goal} at p99 under {_P99_MS:.0f} ms: {held}")
    alone = next(one for one in found if one.name == _ALONE)
    print(f"micro-batching: {ours.per_second / alone.per_second:.2f} times one at a time")


@click.command()
@click.option("--bundle", default="models/online-retail", show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Interleaved runs of each server.")
@click.option("--seconds", default=5.0, show_default=True, help="Of a run.")
@click.option("--clients", default=32, show_default=True, help="Connections that ask side by side.")
@click.option("--server-core", default=0, show_default=True)
@click.option("--load-core", default=1, show_default=True)
@click.option("--mlserver", help="Python of an environment that has MLServer.")
def main(
    bundle: str,
    rounds: int,
    seconds: float,
    clients: int,
    server_core: int,
    load_core: int,
    mlserver: str | None,
) -> None:
    """Print requests a second of every server, in turns."""
    if mlserver is not None and not Path(mlserver).exists():
        print(f"MLServer is left out: it did not install, there is no {mlserver}")
        mlserver = None
    found = contenders(bundle, load(bundle, "cpu"), mlserver)
    for _ in range(rounds):
        for one in found:
            measure(one, clients, seconds, (server_core, load_core))
    show(found)


if __name__ == "__main__":
    main()
