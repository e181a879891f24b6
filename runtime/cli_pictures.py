"""The command that draws: generate."""

from __future__ import annotations

from pathlib import Path

import click

from runtime.cli_options import (
    Command,
    bundle_argument,
    json_option,
    print_json,
    provider_option,
    say,
    threads_option,
    variant_option,
)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  endcap generate models/corner-store --category Cheese --out cheese.png
  endcap generate models/corner-store --category Cheese --category Bread -n 8 --sheet --out two.png
  endcap generate models/online-retail --category Bag -n 4 --seed 7 --truncation 1 --out pictures
  endcap generate models/online-retail --category Bag -n 9 --seed 7 --interpolate 8 --out path.png
""",
)
@bundle_argument
@click.option(
    "--category",
    "categories",
    required=True,
    multiple=True,
    metavar="C",
    help="What to draw; given several times, a sheet has a row for each.",
)
@click.option(
    "-n",
    type=int,
    default=16,
    show_default=True,
    metavar="N",
    help="How many pictures of each category.",
)
@click.option(
    "--seed",
    type=int,
    default=7,
    show_default=True,
    metavar="S",
    help="The same seed draws the same pictures.",
)
@click.option(
    "--truncation",
    type=float,
    metavar="T",
    help="Draw latent values beyond -T and T again, T from 0.001; at 1 or below the pictures are "
    "more typical and more alike. Without it none is drawn again.",
)
@click.option(
    "--interpolate",
    type=int,
    metavar="SEED2",
    help="N pictures that turn the first of S into the first of SEED2.",
)
@click.option(
    "--sheet",
    "as_sheet",
    is_flag=True,
    help="One picture of all, about as wide as high; into a folder as sheet.png.",
)
@click.option(
    "--out",
    required=True,
    metavar="DIR|FILE.png",
    help="A new folder for one PNG a picture, or a new .png file for a sheet of all.",
)
@variant_option
@provider_option
@threads_option
@json_option
def generate(
    bundle: str,
    categories: tuple[str, ...],
    n: int,
    seed: int,
    truncation: float | None,
    interpolate: int | None,
    as_sheet: bool,
    out: str,
    variant: str,
    provider: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Draw product pictures of a category.

    Every file says in its PNG text that it was generated, and by what: docs/pictures.md.
    """
    from runtime.latent import Latents
    from runtime.picture import goes_into_sheet, write_pictures, write_sheet
    from runtime.store import load

    into_sheet = goes_into_sheet(Path(out), as_sheet, len(categories))
    latents = Latents(n, seed, truncation, interpolate)
    generator = load(bundle, provider, variant, threads).generator
    drawn = generator.generate_each(categories, latents)
    files = write_sheet(drawn, Path(out)) if into_sheet else write_pictures(drawn[0], Path(out))
    if as_json:
        document = drawn[0].to_json(files)
        if len(drawn) > 1:
            document["category"] = list(categories)
        print_json(document)
        return
    for file in files:
        click.echo(file)
    options = "".join(f", {name} {value}" for name, value in drawn[0].latent_options().items())
    each = " each" if len(drawn) > 1 else ""
    say(
        f"{n} pictures{each} of {', '.join(categories)}, seed {seed}{options}, "
        f"{drawn[0].variant} on {drawn[0].provider}"
    )
