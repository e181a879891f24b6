"""endcap's generator beside the seed's DCGAN, trained for equally long on the same machine.

python -m benchmarks.generator_quality fashion-mnist|product-images [--epochs N] [--set KEY=VALUE]

Both are trained side by side by the command line, each on half of the cores, exported, and measured
from the exported fp32 graphs by ``endcap evaluate``; docs/data.md says what the figures are.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from benchmarks.command import ending_plainly
from benchmarks.generator_quality.collection import COLLECTIONS
from benchmarks.generator_quality.duel import duel, of_earlier_run
from benchmarks.generator_quality.table import duel_table, goals_of
from runtime.cli_options import say

FIRST_SEED = 7


@click.command()
@click.argument("name", type=click.Choice(list(COLLECTIONS)))
@click.option("--epochs", type=click.IntRange(min=1), help="Of our side; the recipe's without it.")
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True,
    help="A field of our side's config, to try another; give another --build with it.",
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--samples", type=click.IntRange(min=6), default=10_000, show_default=True)
@click.option("--resume", is_flag=True, help="Go on with the trainings of an interrupted run.")
@click.option("--reuse", is_flag=True, help="Take figures of an earlier run, and say how old.")
@click.option("--data", type=Path, default=Path("../shared/data"), show_default=True)
@click.option("--build", type=Path, default=Path("build/generator-quality"), show_default=True)
def main(
    name: str,
    epochs: int | None,
    settings: tuple[str, ...],
    seeds: int,
    samples: int,
    resume: bool,
    reuse: bool,
    data: Path,
    build: Path,
) -> None:
    """Train both sides on a collection, and print their table and the goals."""
    collection = COLLECTIONS[name](data, build)
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        folder = build / name / str(seed)
        earlier = of_earlier_run(folder) if reuse else None
        if earlier is not None:
            say(f"seed {seed}: figures of {earlier[1] / 3600:.1f} h ago")
            found.append(earlier[0])
        else:
            if not resume:
                shutil.rmtree(folder, ignore_errors=True)
            found.append(
                duel(
                    collection,
                    seed,
                    folder,
                    settings=settings,
                    epochs=epochs,
                    samples=samples,
                )
            )
    print(f"\n## {', '.join([collection.title, *settings])}\n")
    print(duel_table(found))
    print()
    print(goals_of(name, found), flush=True)


if __name__ == "__main__":
    ending_plainly(main)
