"""Ranking quality beside peers, on the same cases, scored by one scorer, with the goals.

python -m benchmarks.quality beauty|ml-100k|online-retail|groceries|cold|all [--seeds 3]

``make peers`` makes the environment of the peers that are libraries; docs/quality.md says more.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from benchmarks.quality.asking import PEERS_PYTHON, Desk
from benchmarks.quality.contest import run_endcap, run_peer, trials
from benchmarks.quality.goals import GOALS, goals_table
from benchmarks.quality.peers import SASREC
from benchmarks.quality.result import Result, results_table
from benchmarks.quality.shops import SHOPS
from runtime.cli_options import Command, say

FIRST_SEED = 7


@click.command(cls=Command)
@click.argument("name", type=click.Choice([*SHOPS, "all"]))
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--with-sasrec", is_flag=True, help="Run SASRec on Beauty: one seed, most of an hour."
)
@click.option("--without-libraries", is_flag=True, help="Leave out peers that need make peers.")
@click.option("--without-endcap", is_flag=True, help="Peers alone.")
@click.option("--only", multiple=True, metavar="TEXT", help="Only peers whose label contains TEXT.")
@click.option("--reuse", is_flag=True, help="Take ranked lists of an earlier run; tables say so.")
@click.option("--data", type=Path, default=Path("../shared/data"), show_default=True)
@click.option("--build", type=Path, default=Path("build/quality"), show_default=True)
@click.option("--peers-python", type=Path, default=PEERS_PYTHON, show_default=True)
def main(
    name: str,
    seeds: int,
    with_sasrec: bool,
    without_libraries: bool,
    without_endcap: bool,
    only: tuple[str, ...],
    reuse: bool,
    data: Path,
    build: Path,
    peers_python: Path,
) -> None:
    """Run the contestants on one data set, or on all, and print their table and the goals."""
    if not reuse:
        shutil.rmtree(build / "ranked", ignore_errors=True)
    desk = Desk(build / "ranked", peers_python, reuse)
    for make in SHOPS.values() if name == "all" else [SHOPS[name]]:
        shop = make(data, build)
        cut = trials(shop, range(FIRST_SEED, FIRST_SEED + seeds), build)
        results: list[Result] = []
        for peer in shop.peers:
            if (without_libraries and peer.library) or not all(text in peer.label for text in only):
                continue
            results.append(run_peer(peer, cut, desk, say))
        if shop.name == "beauty" and with_sasrec:
            results.append(run_peer(SASREC, cut[:1], desk, say))
        if not without_endcap:
            results += run_endcap(cut, say)
        print(f"\n## {shop.title}: {len(cut[0].test):,} cases, {cut[0].log.n_items:,} items\n")
        print(results_table(results, shop.metrics))
        print()
        print(goals_table(GOALS[shop.name], results))


if __name__ == "__main__":
    main()
