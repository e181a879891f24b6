"""Commands of the export: ``endcap export`` and ``endcap demo``."""

from __future__ import annotations

from pathlib import Path

import click

from runtime.cli_options import Command, say
from runtime.errors import UnusableInput
from trainer.cli_options import FILE, needs_training_extra, this_command


@click.command(cls=Command)
@click.option(
    "--recommender",
    type=FILE,
    metavar="RUN|BUNDLE",
    help="Run of endcap train recommender, or a bundle whose recommender is kept.",
)
@click.option(
    "--generator",
    type=FILE,
    metavar="RUN|BUNDLE",
    help="Run of endcap train generator, or a bundle whose generator is kept.",
)
@click.option("--out", type=FILE, required=True, metavar="BUNDLE", help="Folder to create.")
@click.option("--name", help="Name of the bundle  [default: the folder's name].")
@click.option(
    "--version",
    "bundle_version",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Grows from bundle to bundle of one name.",
)
@click.option(
    "--top-k",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="Longest answer of the recommender; of one that is kept, as it was.",
)
@click.option(
    "--latent-scale",
    type=float,
    default=1.0,
    show_default=True,
    help="Scale of z in the generator of a run, 0.1 to 2: below 1, its pictures vary less and are "
    "surer of their category; endcap evaluate measures both.",
)
def export(
    recommender: Path | None,
    generator: Path | None,
    out: Path,
    name: str | None,
    bundle_version: int,
    top_k: int,
    latent_scale: float,
) -> None:
    """Turn finished runs into a bundle, after proving the graphs equal to PyTorch.

    Either model may be left out. A graph that is out of tolerance ends with exit code 1 and
    nothing written.

    \b
    endcap export --recommender runs/shop --generator runs/pictures --out bundles/shop --version 3
    endcap export --recommender bundles/shop --generator runs/new --out bundles/shop-4 --version 4
    """
    if recommender is None and generator is None:
        raise UnusableInput("name a run to export: --recommender RUN, --generator RUN or both")
    needs_training_extra()
    from export.build import export_bundle

    export_bundle(
        out,
        recommender=recommender,
        generator=generator,
        name=name or out.resolve().name,
        version=bundle_version,
        top_k=top_k,
        latent_scale=latent_scale,
        command=this_command(),
        say=say,
    )


@click.command(cls=Command)
@click.option(
    "--out",
    type=FILE,
    default=Path("endcap-demo"),
    show_default=True,
    metavar="DIR",
    help="Folder to create.",
)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
def demo(out: Path, seed: int) -> None:
    """Show the whole chain on a fictional corner store, in a few minutes.

    Makes the store, trains both models, exports them, proves the export equal to PyTorch, and
    recommends and draws on ONNX Runtime.
    """
    needs_training_extra()
    from export.demo import run_demo

    run_demo(out, seed, say)
