"""What the kept variants lose of NDCG@10 over all held-out cases, beside the fp32 graph.

python -m benchmarks.int8_loss [beauty] [online-retail] [--data ../shared/data]    (make int8-loss)

Online Retail is asked of the shipped bundle; for Beauty, whose weights may not ship, its recipe is
trained and exported under ``build/quality``, where ``make quality`` leaves the same run, and used
again while it is there.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.command import ending_plainly
from benchmarks.goal import hold
from benchmarks.quality.exported import Exported, of_earlier_run, rank_with_bundle
from benchmarks.quality.shops import beauty, online_retail
from benchmarks.quality.trial import Trial
from runtime.bundle import open_bundle
from runtime.comparison import NDCG_LOSS, TOLERANCES

SEED = 7
SHIPPED = Path("models/online-retail")
NAMES = ("beauty", "online-retail")


def figures(exported: Exported, trial: Trial) -> dict[str, float]:
    """Rank the trial's held-out cases with every variant: variant -> NDCG@10, users known."""
    return {
        variant: trial.score(
            rank_with_bundle(exported, variant, trial, anonymous=False), trial.test
        )["ndcg"]
        for variant in exported.section.variants
    }


def report(title: str, found: dict[str, float], refused: dict[str, str]) -> list[str]:
    """Lay out every variant's NDCG@10 and its loss, and hold the loss against its tolerance.

    Args:
        title: of the data set.
        found: variant -> NDCG@10, fp32's among them.
        refused: variant -> why the export did not keep it.
    """
    lines = [title]
    for variant, ndcg in found.items():
        loss = 100 * (1 - ndcg / found["fp32"])
        said = f"  NDCG@10 {ndcg:.5f}"
        if variant != "fp32":
            what, goal = f"{variant:6}{said}, loss in %", 100 * TOLERANCES[NDCG_LOSS][variant]
            lines.append("  " + hold(what, loss, goal, at_most=True))
        else:
            lines.append(f"  {variant:6}{said}")
    lines += [f"  {variant:6}  refused: {reason}" for variant, reason in refused.items()]
    if "int8" not in found and "int8" not in refused:
        lines.append("  int8    was not tried when this bundle was exported")
    return lines


@click.command()
@click.argument("names", type=click.Choice(NAMES), nargs=-1)
@click.option("--data", type=Path, default=Path("../shared/data"), show_default=True)
@click.option("--build", type=Path, default=Path("build/quality"), show_default=True)
def main(names: tuple[str, ...], data: Path, build: Path) -> None:
    """Print every data set's variants."""
    for name in names or NAMES:
        shop = (beauty if name == "beauty" else online_retail)(data, build)
        trial = Trial(shop, SEED, build / shop.name / str(SEED))
        if name == "beauty":
            exported = of_earlier_run(trial)
        else:
            exported = Exported(open_bundle(SHIPPED), 0.0, 0.0)
        found = figures(exported, trial)
        print(f"{len(trial.test):,} cases; bundle {exported.bundle.path}")
        print("\n".join(report(shop.title, found, dict(exported.section.refused))), flush=True)


if __name__ == "__main__":
    ending_plainly(main)
