"""Commands of the trainer: ``endcap data``, ``train`` and ``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runtime.cli_options import Group, json_option, print_json, say
from runtime.errors import CheckFailed
from trainer.cli_evaluate import evaluate as evaluate
from trainer.cli_options import (
    FILE,
    catalogue_option,
    column_options,
    config_option,
    generator_config,
    images_option,
    interactions_option,
    labels_options,
    needs_training_extra,
    recommender_config,
    set_option,
    this_command,
)


@click.group(cls=Group)
def data() -> None:
    """Look at a purchase log before training on it, or make a sample one."""


@data.command()
@click.argument("interactions", type=FILE)
@catalogue_option
@column_options
@config_option
@set_option
@json_option
def check(
    interactions: Path,
    catalogue: Path | None,
    config_path: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    **columns: Any,
) -> None:
    """Say what would be kept, dropped and why; exit code 1 when the log cannot be used.

    \b
    endcap data check purchases.csv
    endcap data check invoices.parquet --user-column CustomerID --missing-user 0 \\
        --item-column StockCode --time-column InvoiceDate --basket-column InvoiceNo
    endcap data check baskets.csv --format baskets
    """
    needs_training_extra()
    config = recommender_config(config_path, settings, columns)
    from trainer.dataset import check_log
    from trainer.report_text import cleaning_text

    report = check_log(interactions, config.data, catalogue)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(cleaning_text(report))
    if report.errors:
        raise CheckFailed(f"{str(interactions)!r}: {report.errors[0]}")


@data.command()
@click.option("--out", type=FILE, required=True, metavar="DIR", help="Folder to create.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
@click.option(
    "--shoppers", type=int, default=2000, show_default=True, help="Known shoppers of the store."
)
@click.option("--items", type=int, default=320, show_default=True, help="Items on its shelves.")
@click.option(
    "--pictures",
    type=click.IntRange(min=0),
    default=250,
    show_default=True,
    help="Drawn pictures per category; 0 draws none.",
)
@click.option("--parquet", is_flag=True, help="Write the purchases as Parquet, for long logs.")
def sample(out: Path, seed: int, shoppers: int, items: int, pictures: int, parquet: bool) -> None:
    """Make the fictional corner store: purchases, catalogue, drawn pictures and the truth.

    \b
    endcap data sample --out corner-store
    endcap data sample --out chain --shoppers 1000000 --items 200000 --pictures 0 --parquet
    """
    needs_training_extra()
    from runtime.durable import refuse_existing
    from trainer.sample_pictures import write_pictures
    from trainer.sample_store import make_sample_store

    refuse_existing(out)

    def draw(folder: Path) -> None:
        if pictures:
            say(f"drawing {pictures} pictures for each category")
            write_pictures(folder, seed, pictures)

    store = make_sample_store(seed, n_shoppers=shoppers, n_items=items)
    store.write(out, parquet=parquet, also=draw)
    say(f"wrote {out}: {len(store.interactions):,} purchases of {len(store.catalogue)} items")


@click.group(cls=Group)
def train() -> None:
    """Train the recommender or the picture generator."""


out_option = click.option(
    "--out", type=FILE, required=True, metavar="RUN", help="Run folder to create, or to resume."
)
resume_option = click.option("--resume", is_flag=True, help="Continue the run in --out.")


@train.command()
@interactions_option(required=True)
@catalogue_option
@column_options
@config_option
@set_option
@out_option
@resume_option
def recommender(
    interactions: Path,
    catalogue: Path | None,
    config_path: Path | None,
    settings: tuple[str, ...],
    out: Path,
    resume: bool,
    **columns: Any,
) -> None:
    """Train a recommender from purchases, test it on held-out ones and write report.html.

    Ctrl-C saves a checkpoint that --resume continues.

    \b
    endcap train recommender --interactions purchases.csv --catalogue items.csv --out runs/shop
    endcap train recommender --interactions purchases.csv --out runs/mlp --set arch=mlp
    """
    needs_training_extra()
    config = recommender_config(config_path, settings, columns)
    from trainer.dataset import load_dataset
    from trainer.recommender.train import train_recommender
    from trainer.report import write_recommender_report
    from trainer.report_text import cleaning_summary, metrics_text, stages_text
    from trainer.run import Run

    if resume:
        Run.open(out, "recommender")
    else:
        Run.refuse_existing(out)
    say(f"reading {interactions}")
    dataset = load_dataset(interactions, config.data, catalogue)
    say(cleaning_summary(dataset.report))
    facts = {"command": this_command(), "interactions": interactions.name}
    run = train_recommender(dataset, config, out, resume=resume, facts=facts)
    evaluation = run.read_json("evaluation.json")
    say(stages_text(evaluation))
    say(metrics_text({"torch": evaluation}))
    write_recommender_report(run)
    say(f"report: {run.path / 'report.html'}")


@train.command()
@images_option(required=True)
@labels_options
@config_option
@set_option
@out_option
@resume_option
def generator(
    images: Path,
    labels: Path | None,
    id_column: str | None,
    label_column: str | None,
    config_path: Path | None,
    settings: tuple[str, ...],
    out: Path,
    resume: bool,
) -> None:
    """Train a DCGAN that draws a picture for a category; sample grids land in RUN/samples.

    Ctrl-C saves a checkpoint that --resume continues.

    \b
    endcap train generator --images pictures/ --out runs/pictures
    endcap train generator --images images.zip --labels labels.csv --label-column subCategory \\
        --out runs/pictures
    """
    needs_training_extra()
    config = generator_config(config_path, settings)
    from trainer.generator.diversity import TrainingCollapsed
    from trainer.generator.train import train_generator
    from trainer.images import read_images
    from trainer.report import write_generator_report
    from trainer.report_text import images_summary
    from trainer.run import Run

    if resume:
        Run.open(out, "generator")
    else:
        Run.refuse_existing(out)
    say(f"reading {images}")
    pictures = read_images(
        images, config.images, labels=labels, id_column=id_column, label_column=label_column
    )
    say(images_summary(pictures.report))
    facts = {"command": this_command(), "images": images.name}
    try:
        run = train_generator(pictures, config, out, resume=resume, facts=facts)
    except TrainingCollapsed:
        write_generator_report(Run.open(out))
        raise
    write_generator_report(run)
    say(f"report: {run.path / 'report.html'}")
