"""Ranking quality beside peers, on the same cases, scored by one scorer, with the goals.

python -m benchmarks.quality beauty|ml-100k|online-retail|groceries|cold|all [--seeds 3]

beauty-cold and online-retail-cold are the two halves of cold.

``make peers`` makes the environment of the peers that are libraries; docs/quality.md says more.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.command import ending_plainly
from benchmarks.quality.asking import PEERS_PYTHON, Desk
from benchmarks.quality.contest import run_cold, run_endcap, run_peer, trials
from benchmarks.quality.goals import COLD_GOALS, GOALS, Goal, goals_table
from benchmarks.quality.peers import SASREC
from benchmarks.quality.result import Result, results_table
from benchmarks.quality.shops import COLD, SHOPS
from benchmarks.quality.trial import Trial
from runtime.cli_options import say

FIRST_SEED = 7


@click.command()
@click.argument("name", type=click.Choice([*SHOPS, *COLD, "cold", "all"]))
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--with-sasrec", is_flag=True, help="Run SASRec on Beauty: one seed, 40 CPU minutes.")
@click.option("--without-libraries", is_flag=True, help="Leave out peers that need make peers.")
@click.option("--without-endcap", is_flag=True, help="Peers alone.")
@click.option("--without-peers", is_flag=True, help="endcap alone.")
@click.option(
    "--reuse", is_flag=True, help="Take ranked lists and bundles of an earlier run; tables say so."
)
@click.option("--data", type=Path, default=Path("../shared/data"), show_default=True)
@click.option("--build", type=Path, default=Path("build/quality"), show_default=True)
@click.option("--peers-python", type=Path, default=PEERS_PYTHON, show_default=True)
def main(
    name: str,
    seeds: int,
    with_sasrec: bool,
    without_libraries: bool,
    without_endcap: bool,
    without_peers: bool,
    reuse: bool,
    data: Path,
    build: Path,
    peers_python: Path,
) -> None:
    """Run the contestants on one data set, or on all, and print their tables and the goals."""
    if not reuse:
        shutil.rmtree(build / "ranked", ignore_errors=True)
    desk = Desk(build / "ranked", peers_python, reuse)
    shops = [make(data, build) for key, make in SHOPS.items() if name in (key, "all")]
    for shop in shops:
        cut = trials(shop, range(FIRST_SEED, FIRST_SEED + seeds), build)
        peers = [peer for peer in shop.peers if not (without_libraries and peer.library)]
        results = [run_peer(peer, cut, desk, say) for peer in peers if not without_peers]
        if shop.name == "beauty" and with_sasrec:
            results.append(run_peer(SASREC, cut[:1], desk, say))
        if not without_endcap:
            results += run_endcap(cut, say, reuse=reuse)
        _print(cut[0], len(cut[0].test), results, GOALS[shop.name])
    cold = [make for key, make in COLD.items() if name in (key, "cold", "all")]
    for shop in (make(data, build).with_cold_items() for make in cold):
        cut = trials(shop, range(FIRST_SEED, FIRST_SEED + seeds), build)
        _print(cut[0], len(cut[0].split.cold), run_cold(cut, say), COLD_GOALS)


def _print(trial: Trial, cases: int, results: Sequence[Result], goals: Sequence[Goal]) -> None:
    print(f"\n## {trial.shop.title}\n")
    print(f"{cases:,} cases, {trial.log.n_items:,} items\n")
    print(results_table(results, trial.shop.metrics))
    print()
    print(goals_table(goals, results), flush=True)


if __name__ == "__main__":
    ending_plainly(main)
