"""The demo: a corner store from a seed, through training and export, to answers on ONNX Runtime."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from export.build import export_bundle
from runtime.bundle import open_bundle
from runtime.cli import endcap
from runtime.durable import refuse_existing
from runtime.errors import CheckFailed
from runtime.parity import check_bundle
from trainer.config import DataConfig
from trainer.dataset import load_dataset
from trainer.generator.config import DcganConfig, GeneratorConfig, ImagesConfig
from trainer.generator.train import train_generator
from trainer.images import read_images
from trainer.recommender.config import RecommenderConfig, TrainingConfig
from trainer.recommender.train import train_recommender
from trainer.report import write_generator_report, write_recommender_report
from trainer.report_text import cleaning_summary, images_summary, metrics_text
from trainer.sample_pictures import write_pictures
from trainer.sample_store import make_sample_store

PICTURES_PER_CATEGORY = 200
RECOMMENDER_EPOCHS = 8
GENERATOR_EPOCHS = 40


def run_demo(out: Path, seed: int, say: Callable[[str], None]) -> None:
    """Make, train, export, prove and serve the corner store in a new folder.

    Args:
        out: folder to create, with store/, runs/, bundle/ and pictures.png.
        seed: of the store and both trainings.
        say: receives one line for each thing done.

    Raises:
        UnusableInput: ``out`` exists or cannot be written.
        CheckFailed: the export differs from PyTorch.
    """
    refuse_existing(out)
    started = time.monotonic()

    def head(text: str) -> None:
        say(f"\n[{time.monotonic() - started:4.0f} s] {text}")

    head(f"1/6 a corner store from seed {seed}")
    store = make_sample_store(seed)
    folder = out / "store"
    out.mkdir(parents=True)
    store.write(folder, also=lambda place: write_pictures(place, seed, PICTURES_PER_CATEGORY))
    head("2/6 training the recommender")
    config = RecommenderConfig(
        data=DataConfig(basket_column="basket_id", repeat_purchases=True),
        training=TrainingConfig(epochs=RECOMMENDER_EPOCHS, seed=seed),
    )
    dataset = load_dataset(folder / "interactions.csv", config.data, folder / "catalogue.csv")
    say(cleaning_summary(dataset.report))
    recommender = train_recommender(dataset, config, out / "runs" / "recommender")
    write_recommender_report(recommender)
    say(metrics_text({"torch": recommender.read_json("evaluation.json")}))
    head("3/6 training the picture generator")
    painting = GeneratorConfig(
        images=ImagesConfig(image_size=32),
        dcgan=DcganConfig(
            epochs=GENERATOR_EPOCHS,
            generator_width=32,
            discriminator_width=32,
            # Faster than the default preset, which is made for longer training.
            learning_rate=4e-4,
            auxiliary=0.3,
            r1=0.0,
            seed=seed,
        ),
    )
    pictures = read_images(folder / "images", painting.images)
    say(images_summary(pictures.report))
    generator = train_generator(pictures, painting, out / "runs" / "generator", resume=False)
    write_generator_report(generator)
    head("4/6 exporting to ONNX, held against PyTorch")
    bundle = out / "bundle"
    export_bundle(
        bundle,
        recommender=recommender.path,
        generator=generator.path,
        name="corner-store-demo",
        version=1,
        say=say,
    )
    head("5/6 parity of the bundle on this machine, without PyTorch")
    report = check_bundle(open_bundle(bundle), "cpu")
    for check in report.checks:
        say(f"{check.model} {check.variant}: {check.metric} {check.value} over {check.compared}")
    if not report.passed:
        raise CheckFailed(f"the bundle in {str(bundle)!r} is out of tolerance: see above")
    head("6/6 answers on ONNX Runtime")
    _answer(bundle, out / "pictures.png", store.pairs[0], pictures.categories)
    head(f"done; open {out / 'runs' / 'recommender' / 'report.html'} in a browser")


def _answer(bundle: Path, sheet: Path, pair: tuple[str, str], categories: Sequence[str]) -> None:
    """Run the commands a shop would: what goes with one half of a planted pair, and pictures."""
    held, partner = pair
    asked = [word for category in categories for word in ("--category", category)]
    click.echo(f"{held} was planted as bought together with {partner}:")
    for command in (
        ["recommend", str(bundle), "--basket", held, "-k", "5"],
        ["generate", str(bundle), *asked, "-n", "8", "--sheet", "--out", str(sheet)],
    ):
        click.echo(f"$ {shlex.join(['endcap', *command])}")
        endcap.main(command, standalone_mode=False)
