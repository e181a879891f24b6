"""What is evaluated: a generator's run (torch) or a bundle (each ONNX variant), as what draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.bundle import open_bundle
from runtime.errors import UnusableInput
from runtime.latent import draw_latents
from runtime.session import Session, open_session
from trainer.checkpoint import load_checkpoint
from trainer.device import choose_device
from trainer.generator.config import ImagesConfig
from trainer.generator.samples import sample_images
from trainer.generator.train import load_generator
from trainer.options import from_mapping
from trainer.picture import Pixels
from trainer.run import Run
from trainer.variants import wanted_variants

SESSION_BATCH = 64

Draw = Callable[[int, NDArray[np.int64]], Pixels]
"""Draws one picture for each category row [n], from a seed: uint8 [n, size, size, channels]."""


@dataclass(frozen=True)
class Subject:
    """A finished run or a bundle.

    Attributes:
        path: its folder.
        images: how its pictures were read, with the names of its categories in row order.
        seed: of the choice of the pictures that it was not trained on.
        pictures: fingerprint of the pictures that it was trained on and validated with.
        engines: "torch", or "onnx fp32" and so on -> what draws.
    """

    path: Path
    images: ImagesConfig
    seed: int
    pictures: str
    engines: Mapping[str, Draw]


def open_subject(path: Path, provider: str, variants: Sequence[str] = ()) -> Subject:
    """Open a run or a bundle to have it draw.

    Args:
        path: either's folder, or a bundle's zip.
        provider: where a bundle runs: "cpu", "cuda" or "auto".
        variants: of a bundle, which draw; all that it holds if none is named.

    Raises:
        UnusableInput: it is neither, unusable, or holds no generator.
        MissingCapability: the provider is not to be had.
    """
    if not path.exists():
        raise UnusableInput(f"{str(path)!r} does not exist; give a run or a bundle")
    return _run(path) if (path / "run.json").exists() else _bundle(path, provider, variants)


def require_alike(subjects: Sequence[Subject]) -> None:
    """Refuse to set generators side by side that draw or were trained on different pictures.

    Raises:
        UnusableInput: size, channels, categories, pictures or held-out pictures differ.
    """
    first = subjects[0]
    for other in subjects[1:]:
        for what, one, two in (
            ("pixels on a side", first.images.image_size, other.images.image_size),
            ("channels", first.images.channels, other.images.channels),
            ("categories", first.images.categories, other.images.categories),
            ("training pictures", first.pictures, other.pictures),
            ("dcgan.seed, which chooses held-out pictures", first.seed, other.seed),
        ):
            if one != two:
                raise UnusableInput(
                    f"{str(first.path)!r} and {str(other.path)!r} differ in {what} ({one!r} and "
                    f"{two!r}), so their figures do not compare; evaluate them one by one"
                )


def _run(path: Path) -> Subject:
    run = Run.open(path, "generator")
    generator, config, categories, _ = load_generator(run)
    generator = generator.to(choose_device(config.dcgan.device))

    def draw(seed: int, category: NDArray[np.int64]) -> Pixels:
        return sample_images(
            generator, draw_latents(seed, len(category), generator.z_dim), category
        )

    return Subject(
        path,
        replace(config.images, categories=categories),
        config.dcgan.seed,
        load_checkpoint(run.checkpoint)["pictures"],
        {"torch": draw},
    )


def _bundle(path: Path, provider: str, variants: Sequence[str]) -> Subject:
    bundle = open_bundle(path)
    section = bundle.manifest.generator
    if section is None:
        raise UnusableInput(f"bundle {str(path)!r} holds no generator to evaluate")
    kept = section.evaluation
    if not kept:
        raise UnusableInput(
            f"bundle {str(path)!r} does not say how its pictures were read, as bundles do since "
            "endcap 0.3.0; evaluate its run, or export that again"
        )
    images = from_mapping(ImagesConfig, kept["images"])
    engines = {
        f"onnx {name}": session_draw(
            open_session(bundle.read_bytes(variant.file), provider), section.z_dim
        )
        for name, variant in wanted_variants(path, section.variants, variants).items()
    }
    return Subject(
        path,
        replace(images, categories=section.categories),
        kept["seed"],
        kept["pictures"],
        engines,
    )


def session_draw(session: Session, z_dim: int) -> Draw:
    """Have an opened graph draw from the z that the runtime would draw for the seed."""

    def draw(seed: int, category: NDArray[np.int64]) -> Pixels:
        z = draw_latents(seed, len(category), z_dim)
        parts = []
        for first in range(0, len(z), SESSION_BATCH):
            rows = slice(first, first + SESSION_BATCH)
            parts += session.run({"z": z[rows], "category": category[rows, None]}, ["image"])
        return np.concatenate(parts)

    return draw
