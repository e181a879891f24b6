"""``endcap evaluate``: recommenders with ``--interactions``, generators with ``--images``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from runtime.cli_options import Command, json_option, print_json, provider_option, say
from runtime.errors import UnusableInput
from trainer.cli_options import (
    FILE,
    catalogue_option,
    images_option,
    interactions_option,
    labels_options,
    needs_training_extra,
)

# Parameter -> its flag, of what only one of the two kinds of model understands.
_OF_RECOMMENDERS = {"catalogue": "--catalogue", "protocol": "--protocol", "k": "-k"}
_OF_GENERATORS = {
    "labels": "--labels",
    "id_column": "--id-column",
    "label_column": "--label-column",
    "held_out": "--held-out",
    "beside": "--beside",
    "inception": "--inception-weights",
    "samples": "--samples",
    "seed": "--seed",
    "grid": "--grid",
}


@click.command(cls=Command)
@click.argument("paths", type=FILE, nargs=-1, required=True, metavar="RUN|BUNDLE [RUN|BUNDLE]...")
@interactions_option(required=False)
@catalogue_option
@click.option(
    "--protocol",
    type=click.Choice(["full", "sampled", "random"]),
    default="full",
    show_default=True,
    help="full: the whole catalogue competes; sampled: 99 items the shopper never took; random: "
    "known shoppers are asked for a random part of their items, the whole catalogue competes.",
)
@click.option(
    "-k", type=click.IntRange(1, 1000), default=10, show_default=True, help="Items looked at."
)
@images_option(required=False)
@labels_options
@click.option(
    "--held-out",
    type=FILE,
    metavar="DIR|ZIP|NPZ",
    help="Other real pictures; the tenth that training set apart without it.",
)
@click.option(
    "--beside", type=FILE, metavar="RUN|BUNDLE", help="A generator to hold the others against."
)
@click.option(
    "--inception-weights",
    "inception",
    type=FILE,
    metavar="FILE",
    help="Compare by this TorchScript file's features, not the classifier's; it is a program, so "
    "name none that you do not trust.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=6),
    default=10_000,
    show_default=True,
    help="Pictures drawn to be compared, at most.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=7, show_default=True)
@click.option(
    "--grid",
    type=FILE,
    metavar="FILE.png",
    help="Write generated pictures beside the training pictures nearest to them.",
)
@click.option(
    "--variant",
    "variants",
    metavar="V",
    multiple=True,
    help="Of bundles, only this one, such as fp32; several times for several. All of them without.",
)
@provider_option
@json_option
@click.pass_context
def evaluate(
    context: click.Context,
    paths: tuple[Path, ...],
    interactions: Path | None,
    images: Path | None,
    variants: tuple[str, ...],
    provider: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure runs (torch) and bundles (ONNX) side by side on what they were not trained on.

    With --interactions, recommenders rank held-out purchases. The log is read, cleaned and split
    as it was for training. Every case is asked once a tier: user+basket (the id and the earlier
    items), basket (those items and no id), short basket (the newest three), user (the id alone) and
    popular (nothing). Popularity, the yardstick, shows everybody the best sellers. Intervals hold
    95 % of 1,000 bootstrap resamples of the cases.

    Protocol random needs a model trained with --set split.method=random. A model trained with
    --set split.cold_items=0.05 is also asked for the items hidden from it.

    With --images, the pictures that they were trained on, generators draw, and what they draw is
    compared with held-out pictures by the features of a classifier that is trained here on the real
    ones. The floor is real training pictures in place of generated ones; --beside names another
    yardstick. Held-out pictures are never trained on.

    \b
    endcap evaluate runs/shop --interactions purchases.csv
    endcap evaluate runs/shop bundles/shop --interactions purchases.csv
    endcap evaluate models/shop --interactions purchases.csv --protocol sampled --json
    endcap evaluate runs/pictures --images pictures/ --beside runs/seed --grid nearest.png
    endcap evaluate bundles/shop --images train.npz --held-out test.npz --json
    """
    if (interactions is None) == (images is None):
        raise UnusableInput(
            "endcap evaluate needs either --interactions, to measure recommenders, or --images, to "
            f"measure generators; {'both are' if interactions is not None else 'neither is'} given"
        )
    others, kind = (
        (_OF_GENERATORS, "--images") if images is None else (_OF_RECOMMENDERS, "--interactions")
    )
    for name, flag in others.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UnusableInput(f"{flag} goes with {kind}, which is not given; leave {flag} out")
    needs_training_extra()
    where = {"provider": provider, "variants": variants}
    if interactions is not None:
        _recommenders(paths, interactions, as_json, options, where)
    else:
        assert images is not None
        _generators(paths, images, as_json, options, where)


def _recommenders(
    paths: tuple[Path, ...],
    log: Path,
    as_json: bool,
    options: dict[str, Any],
    where: dict[str, Any],
) -> None:
    from trainer.recommender.heldout import evaluate_side_by_side
    from trainer.report_text import metrics_text

    chosen = {name: options[name] for name in _OF_RECOMMENDERS}
    found = evaluate_side_by_side(paths, log, **chosen, **where)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(metrics_text(found.tables, same_cases=found.same_cases))


def _generators(
    paths: tuple[Path, ...],
    images: Path,
    as_json: bool,
    options: dict[str, Any],
    where: dict[str, Any],
) -> None:
    from trainer.generator.contest import evaluate_generators
    from trainer.quality_text import quality_text

    chosen = {name: options[name] for name in _OF_GENERATORS}
    found = evaluate_generators(paths, images, **chosen, **where, say=say)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(quality_text(found))
