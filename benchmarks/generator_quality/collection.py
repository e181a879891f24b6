"""The picture collections: what is trained on, and what is held out from all training."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

TENTH = 10


@dataclass(frozen=True)
class Collection:
    """Pictures in two parts, as the command line is told of them.

    Attributes:
        title: above its tables.
        recipe: the config of endcap's own run.
        images: trained on, less the tenth that validates.
        held_out: never given to a training.
        labels: options that say which category a picture has.
        export: options that endcap's own run is exported with.
    """

    title: str
    recipe: Path
    images: Path
    held_out: Path
    labels: tuple[str, ...] = ()
    export: tuple[str, ...] = ()


def fashion_mnist(data: Path, build: Path) -> Collection:
    """Take the training file and the test file as they are."""
    folder = data / "fashion-mnist"
    return Collection(
        "Fashion-MNIST, 28 px, grey, ten categories, against the test file",
        Path("recipes/online-retail/generator.toml"),
        folder / "train.npz",
        folder / "test.npz",
        export=("--latent-scale", "0.97"),
    )


def product_images(data: Path, build: Path) -> Collection:
    """Hold out the same tenth of the pictures always, by a checksum of the file's name."""
    source, folder = data / "product-images", build / "product-images"
    parts = folder / "images.zip", folder / "held-out.zip"
    folder.mkdir(parents=True, exist_ok=True)
    split_zip(source / "images.zip", *parts)
    return Collection(
        "product-images, 64 px, colour, footwear and accessories, against a fixed tenth",
        Path("recipes/benchmarks/product-images.toml"),
        *parts,
        ("--labels", str(source / "labels.csv"), "--label-column", "subCategory"),
    )


COLLECTIONS = {"fashion-mnist": fashion_mnist, "product-images": product_images}


def split_zip(source: Path, rest: Path, tenth: Path) -> None:
    """Copy the files of a zip into two, a tenth of them into ``tenth``, whatever their order."""
    with (
        zipfile.ZipFile(source) as files,
        zipfile.ZipFile(rest, "w") as kept,
        zipfile.ZipFile(tenth, "w") as held_out,
    ):
        for entry in files.infolist():
            stem = PurePosixPath(entry.filename).stem
            target = held_out if zlib.crc32(stem.encode()) % TENTH == 0 else kept
            if not entry.is_dir():
                with files.open(entry) as content, target.open(entry.filename, "w") as copy:
                    shutil.copyfileobj(content, copy)
